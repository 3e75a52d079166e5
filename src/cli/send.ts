import type { Command } from 'commander';
import { Deliveries } from '../notify/deliveries.ts';
import { openOutbox } from '../notify/outbox.ts';
import { wallClock } from '../run/clock.ts';
import { Postman } from '../run/deliveries.ts';
import { forecast } from '../run/forecast.ts';
import { RENEWAL } from '../run/heartbeat.ts';
import { type Journal, type Lease, LeaseHeld } from '../run/journal/journal.ts';
import { Scribe } from '../run/scribe.ts';
import { type RunState, unsent } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { commandLine, type Place, placeOf } from '../ui/commands.ts';
import { inert } from '../ui/inert.ts';
import { narrate } from '../ui/narrate.ts';
import { INTERRUPTED, interruption } from './interruption.ts';
import { archiveAt } from './journal-option.ts';
import { print } from './print.ts';
import { queryAudience } from './query-audience.ts';
import { readRun } from './runs.ts';

/** The exit code where something is owed still. */
const OWED = 1;

/**
 * The lease, as a conductor has it: one at a time sends.
 * @throws LeaseHeld with what is left to do
 */
async function leaseOf(journal: Journal, at: Place, takeOver = false): Promise<Lease> {
  try {
    return await journal.acquire(takeOver);
  } catch (error) {
    if (!(error instanceof LeaseHeld)) throw error;
    const advice = error.holder.silent
      ? `If it is gone, stopped or cut off, send in its place:\n  ${commandLine(at, 'notify send', '--take-over')}`
      : 'What is owed may be on its way. Try again when it has left.';
    throw new LeaseHeld(error.holder, { advice });
  }
}

/** Sends what a run owes, once, as its conductor would. @returns the state after it, with each outcome on record */
async function sendOwed(journal: Journal, lease: Lease, runbook: Runbook, signal: AbortSignal): Promise<RunState> {
  const scribe = await Scribe.open(journal, lease, () => wallClock);
  const deliveries = await Deliveries.open(journal, lease);
  const outbox = openOutbox({ runbook, run: scribe.state.run, env: process.env, queryAudience, deliveries });
  // What is on its way is seen to its end; no further mail is begun.
  signal.addEventListener('abort', () => outbox.close(), { once: true });
  // Who has lost the lease learns it where the next mail is put on record, before it goes out.
  const renewing = setInterval(() => scribe.renew().catch(() => undefined), RENEWAL);
  try {
    const postman = new Postman({
      outbox,
      state: () => scribe.state,
      outlook: () => forecast(runbook, scribe.state, [], Date.now()),
      now: Date.now,
      log: (events) => scribe.log(events),
    });
    await postman.round({ again: true });
    await postman.settled();
  } finally {
    clearInterval(renewing);
    await outbox.close();
  }
  return scribe.state;
}

/**
 * `runbook notify send`: what a run still owed when it ended. While it goes on, its conductor sends.
 * @throws LeaseHeld, and what else keeps the journal from being written
 */
export async function send(
  name: string | undefined,
  flags: { journal?: string; takeOver?: true },
  command: Command,
): Promise<void> {
  const { journal, runbook, state } = await readRun(archiveAt(flags), name);
  try {
    if (state.rehearsal) command.error('error: a rehearsal sends to nobody');
    if (!state.outcome) {
      const carryOn = commandLine(placeOf(state, journal), 'run');
      command.error(`error: this run is not over: its conductor sends. To carry on with it (--as ROLE):\n  ${carryOn}`);
    }
    if (unsent(state).length === 0) return print('Nothing is owed.\n');
    const lease = await leaseOf(journal, placeOf(state, journal), flags.takeOver);
    try {
      const { signal } = interruption();
      const after = await sendOwed(journal, lease, runbook, signal);
      for (const { event } of await journal.read(state.seq)) {
        const told = narrate(event, after, runbook);
        if (told !== null) print(`${inert(told.text)}\n`);
      }
      if (unsent(after).length > 0) process.exitCode = signal.aborted ? INTERRUPTED : OWED;
    } finally {
      await journal.release(lease);
    }
  } finally {
    await journal.close();
  }
}
