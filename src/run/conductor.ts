import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Runbook } from '../runbook/plan.ts';
import { perform, resolveDoubt, type Stage, undo } from './acting.ts';
import { type Action, decide } from './decide.ts';
import { Postman } from './deliveries.ts';
import type { Person } from './events.ts';
import { forecast } from './forecast.ts';
import { BEAT, heartbeat } from './heartbeat.ts';
import type { Journal, Lease } from './journal/journal.ts';
import type { Outbox } from './outbox.ts';
import type { Performer } from './performer.ts';
import { RollCall } from './roll-call.ts';
import { type ClockMaker, Scribe } from './scribe.ts';
import type { RunState } from './state.ts';
import { doubtOf, TargetChanged } from './target.ts';
import type { Watcher } from './watcher.ts';

/** How long the end of a run waits for messages under way, in ms. */
const LAST_POST = 30_000;
/** How long a rehearsal's clock waits for them before it jumps, in ms. */
const POST_BEFORE_JUMP = 5_000;

export interface Conducting {
  journal: Journal;
  lease: Lease;
  /** Who started it. */
  by: Person;
  runbook: Runbook;
  performer: Performer;
  outbox: Outbox;
  watchers: Watcher[];
  clock: ClockMaker;
  /** False: leave, rather than wait for the time of day. */
  wait: boolean;
  /** Steps that a rehearsal lets fail at their first attempt. */
  failing: ReadonlySet<string>;
  /** Aborted to make the conductor leave. */
  signal: AbortSignal;
}

/**
 * Carries a run on until it ends, or until it is told to leave. The one process that performs steps: reads the journal,
 * decides, performs, appends; answers come to it through the journal too.
 */
export class Conductor {
  readonly #deps: Conducting;
  readonly #scribe: Scribe;
  readonly #postman: Postman;
  readonly #leaving = new AbortController();
  readonly #stage: Stage;
  readonly #watching: { stop(): Promise<void> }[] = [];
  #bound = false;

  private constructor(deps: Conducting, scribe: Scribe) {
    const { runbook, performer, failing, outbox } = deps;
    this.#deps = deps;
    this.#scribe = scribe;
    const postman = new Postman({
      outbox,
      state: () => scribe.state,
      outlook: () => forecast(runbook, scribe.state, scribe.pulses, scribe.clock.now()),
      now: () => scribe.clock.now(),
      log: (events) => scribe.log(events),
    });
    this.#postman = postman;
    this.#stage = { runbook, scribe, performer, failing, afterWait: () => postman.round(), leaving: this.#leaving };
  }

  /** Reads the journal from its beginning. @throws JournalBroken */
  static async open(deps: Conducting): Promise<Conductor> {
    let conductor: Conductor | undefined;
    // What is due goes out at its own moment, in the time that the jump takes away.
    const clock: ClockMaker = (aheadMs, onJump) =>
      deps.clock(aheadMs, async (byMs) => {
        if (conductor) await conductor.#post(POST_BEFORE_JUMP);
        await onJump(byMs);
      });
    conductor = new Conductor(deps, await Scribe.open(deps.journal, deps.lease, clock));
    return conductor;
  }

  get state(): RunState {
    return this.#scribe.state;
  }

  /**
   * Conducts until there is nothing more to do. Why it left is in the journal.
   * @throws LeaseLost, OtherTarget, and whatever keeps the database from being reached
   */
  async conduct(): Promise<RunState> {
    const { lease, by, signal, performer, runbook } = this.#deps;
    const scribe = this.#scribe;
    const leave = () => this.#leaving.abort(signal.reason);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    await scribe.log([{ type: 'conductor-started', host: hostname(), pid: process.pid, token: lease.token, by }]);
    // A journal that cannot be written stops the run before the next act.
    const beating = heartbeat(
      runbook,
      scribe,
      this.#postman,
      new RollCall(scribe, this.#deps.journal),
      this.#leaving.signal,
    ).catch((error) => this.#leaving.abort(error));
    try {
      await this.#bind();
      this.#watch();
      const why = await this.#steps();
      await this.#post(LAST_POST);
      await this.#unwatch();
      await scribe.log([{ type: 'conductor-left', why }]);
    } catch (error) {
      await this.#unwatch();
      const { message, advice } = performer.explain(error);
      const why = advice === undefined ? message : `${message.replace(/[^.]$/, '$&.')} ${advice}`;
      await scribe.log([{ type: 'conductor-left', why }]).catch(() => undefined);
      throw error;
    } finally {
      this.#leaving.abort();
      await beating;
    }
    return scribe.state;
  }

  /** Takes the database in hand, unless it is not as the run left it: about that a person decides first. */
  async #bind(): Promise<void> {
    const { runbook, performer, lease } = this.#deps;
    const { run, target: before } = this.#scribe.state;
    if (before !== null) {
      const doubt = doubtOf(runbook, this.#scribe.state, await performer.look(run, lease.token));
      if (doubt !== null) return await this.#scribe.log([{ type: 'target-doubted', ...doubt }]);
    }
    const bound = await performer.bind(run, lease.token, this.#scribe.origin);
    this.#bound = true;
    if (bound === null) return;
    const { target, notes } = bound;
    await this.#scribe.log([
      ...notes.map((note) => ({ type: 'conductor-noted' as const, note })),
      { type: 'target-bound', target },
    ]);
  }

  #watch(): void {
    const { watches, windowBeganAt, outcome } = this.#scribe.state;
    if (this.#watching.length > 0 || windowBeganAt === null || outcome) return;
    for (const watcher of this.#deps.watchers) {
      const sampled = (totals: RunState['watches'][string]) => {
        this.#scribe
          .log([{ type: 'watch-sampled', watch: watcher.id, ...totals }])
          .catch((error) => this.#leaving.abort(error));
      };
      this.#watching.push(watcher.start(watches[watcher.id], sampled));
    }
  }

  /** Ends the watches; the last they counted is on record before whatever is logged next. */
  async #unwatch(): Promise<void> {
    await Promise.all(this.#watching.splice(0).map((watching) => watching.stop()));
  }

  /** Does one thing after another. @returns why there is nothing more to do now */
  async #steps(): Promise<string> {
    for (;;) {
      this.#leaving.signal.throwIfAborted();
      await this.#scribe.catchUp();
      if (!this.#bound && this.#scribe.state.targetDoubt === null) await this.#bind();
      const action = decide(this.#deps.runbook, this.#scribe.state, this.#scribe.clock.now());
      if (action.do === 'leave') return action.why;
      if (action.do === 'wait-for-time' && !this.#deps.wait && !this.#scribe.state.rehearsal) {
        return `it is not yet time: ${action.why}`;
      }
      try {
        await this.#take(action);
      } catch (error) {
        if (!(error instanceof TargetChanged)) throw error;
        this.#bound = false;
      }
    }
  }

  async #take(action: Exclude<Action, { do: 'leave' }>): Promise<void> {
    const scribe = this.#scribe;
    switch (action.do) {
      case 'wait-for-person':
        return await this.#change(this.#leaving.signal);
      case 'wait-for-time':
        return await this.#waitUntil(action.until);
      case 'settle':
        return await scribe.settle();
      case 'ask':
        return await scribe.log([{ type: 'prompt-opened', prompt: action.prompt }]);
      case 'skip':
        return await scribe.log([{ type: 'step-skipped', step: action.step.id, why: action.why }]);
      case 'lapse':
        return await scribe.log([{ type: 'signoff-lapsed', step: action.step.id, why: action.why }]);
      case 'begin-window':
        await scribe.log([{ type: 'window-began' }]);
        return this.#watch();
      case 'begin-rollback':
        return await scribe.log([{ type: 'rollback-begun', reason: action.reason }]);
      case 'finish':
        await this.#unwatch();
        if (action.outcome === 'aborted') {
          // Calling a run off must not fail for a database that is away; the next run takes away what is left then.
          await this.#deps.performer.letGo(this.#deps.lease.token, this.#leaving.signal).catch(() => undefined);
        }
        return await scribe.log([{ type: 'run-finished', outcome: action.outcome, why: action.why }]);
      case 'perform':
        return await perform(this.#stage, action.step, action.attempt);
      case 'verify':
        return await resolveDoubt(this.#stage, action.step, action.attempt);
      case 'undo':
        return await undo(this.#stage, action.step);
    }
  }

  /** Resolves when the journal has grown, or the signal is aborted. */
  async #change(signal: AbortSignal): Promise<void> {
    const { seq } = this.#scribe.state;
    while (this.#scribe.state.seq === seq && !signal.aborted) {
      await delay(BEAT / 2, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Waits for that moment of the plan clock, or for a request, such as to begin early. */
  async #waitUntil(moment: number): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#leaving.signal]);
    const changed = this.#change(signal).then(() => over.abort());
    await this.#scribe.clock.until(moment, signal).catch((error) => {
      if (!signal.aborted) throw error;
    });
    over.abort();
    await changed;
  }

  /** What is owed goes out, within bounds: mail never holds up a run. */
  async #post(limitMs: number): Promise<void> {
    const giveUp = AbortSignal.timeout(limitMs);
    await this.#postman.round();
    await Promise.race([
      this.#postman.settled(),
      new Promise((resolve) => giveUp.addEventListener('abort', resolve, { once: true })),
    ]);
  }
}
