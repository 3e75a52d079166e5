import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Runbook } from '../runbook/plan.ts';
import type { Step } from '../runbook/step-schema.ts';
import type { PlanClock } from './clock.ts';
import { type Action, decide } from './decide.ts';
import { Postman } from './deliveries.ts';
import type { RunEvent, Target } from './events.ts';
import { fold } from './fold.ts';
import { forecast } from './forecast.ts';
import type { Journal, Lease } from './journal.ts';
import type { Outbox } from './outbox.ts';
import type { Act, Performer } from './performer.ts';
import { doubtPrompt, nextRound, tripwirePrompt } from './prompts.ts';
import { type RunState, stepState } from './state.ts';
import type { Watcher } from './watcher.ts';

/** How often the conductor looks for answers, due messages and tripwires while a step is at work, in ms. */
const TICK = 200;
/** How often the lease is renewed, in ms. */
const RENEWAL = 5_000;
/** How long the end of a run waits for messages under way, in ms. */
const LAST_POST = 30_000;

export interface Conducting {
  journal: Journal;
  lease: Lease;
  runbook: Runbook;
  performer: Performer;
  outbox: Outbox;
  watchers: Watcher[];
  /** The plan clock, given what the journal says of it and where a jump is put on record. */
  clock(aheadMs: number, onJump: (byMs: number) => Promise<void>): PlanClock;
  /** False: leave, rather than wait for the time of day. */
  wait: boolean;
  /** Steps that a rehearsal lets fail at their first attempt. */
  failing: ReadonlySet<string>;
  /** Aborted to make the conductor leave. */
  signal: AbortSignal;
}

/** The database is not the one this run was opened against. */
export class OtherTarget extends Error {
  constructor(bound: Target, found: Target) {
    const name = (target: Target) => `${target.database} as ${target.role} on system ${target.system}`;
    super(
      `This run belongs to ${name(bound)}; what answers now is ${name(found)}. Point PG* or DATABASE_URL at the first.`,
    );
    this.name = 'OtherTarget';
  }
}

/** Why a step was broken off that somebody wanted stopped. */
class Interrupted extends Error {
  constructor() {
    super('The step was stopped on request; what it had under way was taken back.');
    this.name = 'Interrupted';
  }
}

const sameTarget = (a: Target, b: Target) =>
  a.system === b.system && a.database === b.database && a.role === b.role && a.timeline === b.timeline;

/**
 * Carries a run on until it ends, or until it is told to leave. The one process that performs steps: reads the journal,
 * decides, performs, appends; answers come to it through the journal too.
 */
export class Conductor {
  readonly #deps: Conducting;
  readonly #leaving = new AbortController();
  readonly #postman: Postman;
  readonly #clock: PlanClock;
  readonly #watching: { stop(): Promise<void> }[] = [];
  #state: RunState;
  /** Appends and reads in one order, whoever asks. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(deps: Conducting, state: RunState) {
    this.#deps = deps;
    this.#state = state;
    this.#clock = deps.clock(state.aheadMs, async (byMs) => {
      await this.#log([{ type: 'clock-jumped', byMs }]);
    });
    this.#postman = new Postman({
      outbox: deps.outbox,
      state: () => this.#state,
      outlook: () => this.#outlook(),
      now: () => this.#clock.now(),
      log: (events) => this.#log(events),
    });
  }

  /** Reads the journal from its beginning. @throws JournalBroken */
  static async open(deps: Conducting): Promise<Conductor> {
    let state: RunState | null = null;
    for (const record of await deps.journal.read(0)) state = fold(state, record);
    if (state === null) throw new TypeError('A run is opened before it is conducted.');
    return new Conductor(deps, state);
  }

  get state(): RunState {
    return this.#state;
  }

  /**
   * Conducts until there is nothing more to do. Why it left is in the journal.
   * @throws LeaseLost, OtherTarget, and whatever keeps the database from being reached
   */
  async conduct(): Promise<RunState> {
    const { lease, signal, performer } = this.#deps;
    signal.addEventListener('abort', () => this.#leaving.abort(signal.reason), { once: true });
    await this.#log([{ type: 'conductor-started', host: hostname(), pid: process.pid, token: lease.token }]);
    const ticking = this.#tick();
    try {
      await this.#bind(performer);
      this.#watch();
      const why = await this.#steps();
      await this.#lastPost();
      await this.#log([{ type: 'conductor-left', why }]);
    } catch (error) {
      const { message } = performer.explain(error);
      await this.#log([{ type: 'conductor-left', why: message }]).catch(() => undefined);
      throw error;
    } finally {
      this.#leaving.abort();
      await ticking;
    }
    return this.#state;
  }

  async #bind(performer: Performer): Promise<void> {
    const target = await performer.bind(this.#state.run, this.#deps.lease.token);
    const bound = this.#state.target;
    if (bound && !sameTarget(bound, target)) throw new OtherTarget(bound, target);
    if (!bound) await this.#log([{ type: 'target-bound', target }]);
  }

  #log(events: RunEvent[]): Promise<void> {
    const { journal, lease } = this.#deps;
    return this.#inTurn(async () => {
      await journal.append({ lease }, this.#clock.now(), events);
      await this.#catchUp();
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #catchUp(): Promise<void> {
    for (const record of await this.#deps.journal.read(this.#state.seq)) this.#state = fold(this.#state, record);
  }

  #outlook() {
    const { percent, finishAt } = forecast(this.#deps.runbook, this.#state, [], this.#clock.now());
    return { percent, finishAt };
  }

  /** What goes on beside the steps: answers, messages, tripwires, the lease. */
  async #tick(): Promise<void> {
    const { journal, lease } = this.#deps;
    let renewed = 0;
    while (!this.#leaving.signal.aborted) {
      try {
        await this.#inTurn(() => this.#catchUp());
        if (performance.now() - renewed > RENEWAL) {
          await journal.renew(lease);
          renewed = performance.now();
        }
        await this.#postman.round();
        await this.#tripwires();
      } catch (error) {
        // A journal that cannot be written stops the run before the next act.
        this.#leaving.abort(error);
        return;
      }
      await delay(TICK, undefined, { signal: this.#leaving.signal }).catch(() => undefined);
    }
  }

  async #tripwires(): Promise<void> {
    for (const risk of this.#deps.runbook.document.risks) {
      const { tripwire } = risk;
      if (!tripwire) continue;
      const { status, beganAt } = stepState(this.#state, tripwire.step);
      const tookMs = this.#clock.now() - (beganAt ?? Number.POSITIVE_INFINITY);
      if (status !== 'running' || tookMs <= tripwire.over) continue;
      const step = this.#deps.runbook.activities
        .flatMap((each) => each.steps)
        .find((each) => each.id === tripwire.step);
      const asked = step && tripwirePrompt(risk, step, tookMs);
      if (!asked || nextRound(this.#state, asked.id) > 1) continue;
      await this.#log([{ type: 'prompt-opened', prompt: { ...asked, round: 1 } }]);
    }
  }

  #watch(): void {
    if (this.#watching.length > 0 || this.#state.windowBeganAt === null || this.#state.outcome) return;
    for (const watcher of this.#deps.watchers) {
      const sampled = (totals: RunState['watches'][string]) => {
        this.#log([{ type: 'watch-sampled', watch: watcher.id, ...totals }]).catch((error) =>
          this.#leaving.abort(error),
        );
      };
      this.#watching.push(watcher.start(this.#state.watches[watcher.id], sampled));
    }
  }

  /** Does one thing after another. @returns why there is nothing more to do now */
  async #steps(): Promise<string> {
    for (;;) {
      this.#leaving.signal.throwIfAborted();
      await this.#inTurn(() => this.#catchUp());
      const action = decide(this.#deps.runbook, this.#state, this.#clock.now());
      const left = await this.#take(action);
      if (left !== undefined) return left;
    }
  }

  async #take(action: Action): Promise<string | undefined> {
    switch (action.do) {
      case 'leave':
        return action.why;
      case 'wait-for-person':
        await this.#change();
        return undefined;
      case 'wait-for-time':
        return await this.#waitUntil(action.until, action.why);
      case 'ask':
        await this.#log([{ type: 'prompt-opened', prompt: action.prompt }]);
        return undefined;
      case 'skip':
        await this.#log([{ type: 'step-skipped', step: action.step.id, why: action.why }]);
        return undefined;
      case 'begin-window':
        await this.#log([{ type: 'window-began' }]);
        this.#watch();
        return undefined;
      case 'begin-rollback':
        await this.#log([{ type: 'rollback-begun', reason: action.reason }]);
        return undefined;
      case 'finish':
        for (const watching of this.#watching) await watching.stop();
        await this.#log([{ type: 'run-finished', outcome: action.outcome, why: action.why }]);
        return undefined;
      case 'perform':
        await this.#perform(action.step, action.attempt);
        return undefined;
      case 'verify':
        await this.#verify(action.step, action.attempt);
        return undefined;
      case 'undo':
        await this.#undo(action.step);
        return undefined;
    }
  }

  /** Resolves when the journal has grown. */
  async #change(): Promise<void> {
    const { seq } = this.#state;
    while (this.#state.seq === seq && !this.#leaving.signal.aborted) {
      await delay(TICK / 2, undefined, { signal: this.#leaving.signal }).catch(() => undefined);
    }
  }

  async #waitUntil(moment: number, why: string): Promise<string | undefined> {
    if (!this.#deps.wait && !this.#state.rehearsal) return `it is not yet time: ${why}`;
    // A request, such as to begin early, ends the waiting.
    const waiting = new AbortController();
    const changed = this.#change().then(() => waiting.abort());
    const stop = () => waiting.abort();
    this.#leaving.signal.addEventListener('abort', stop, { once: true });
    await this.#clock.until(moment, waiting.signal).catch((error) => {
      if (!waiting.signal.aborted) throw error;
    });
    this.#leaving.signal.removeEventListener('abort', stop);
    // In a rehearsal the jump is itself a change; else nothing is left behind but a poll that ends with the next record.
    if (this.#state.rehearsal) await changed;
    return undefined;
  }

  #act(step: Step, attempt: number, signal: AbortSignal): Act {
    const { journal, lease, failing } = this.#deps;
    const state = () => this.#state;
    return {
      attempt,
      token: lease.token,
      signal,
      clock: {
        now: () => this.#clock.now(),
        until: async (moment, until) => {
          await this.#clock.until(moment, until);
          await this.#postman.round();
        },
      },
      control: {
        get paused() {
          return state().paused;
        },
        get speed() {
          return state().speed;
        },
      },
      state,
      pulse: (progress) => {
        journal
          .pulse({ ...progress, step: step.id, at: this.#clock.now() })
          .catch((error) => this.#leaving.abort(error));
      },
      sample: (values) => this.#log([{ type: 'step-sampled', step: step.id, values }]),
      failsNow: () => failing.has(step.id) && attempt === 1,
    };
  }

  /** Runs one act, broken off when somebody wants the run stopped or, unless it is an undo itself, rolled back. */
  async #acting<T>(step: Step, attempt: number, work: (act: Act) => Promise<T>): Promise<{ value: T; workMs: number }> {
    const stopping = new AbortController();
    const began = performance.now();
    const wanted = this.#state.rollback !== null;
    const looking = setInterval(() => {
      const { stopping: leave, rollback, abort } = this.#state;
      if (leave || abort || (rollback && !wanted)) stopping.abort(new Interrupted());
    }, TICK);
    const leave = () => stopping.abort(this.#leaving.signal.reason);
    this.#leaving.signal.addEventListener('abort', leave, { once: true });
    try {
      const value = await work(this.#act(step, attempt, stopping.signal));
      return { value, workMs: Math.round(performance.now() - began) };
    } finally {
      clearInterval(looking);
      this.#leaving.signal.removeEventListener('abort', leave);
    }
  }

  async #perform(step: Step, attempt: number): Promise<void> {
    const { performer } = this.#deps;
    await this.#log([{ type: 'step-begun', step: step.id, attempt }]);
    const began = performance.now();
    try {
      const { value, workMs } = await this.#acting(step, attempt, (act) => performer.perform(step, act));
      await this.#log([
        'finished' in value
          ? { type: 'step-finished', step: step.id, attempt, result: value.finished, workMs }
          : { type: 'step-asked', step: step.id, result: value.asks },
      ]);
    } catch (error) {
      await this.#failed(error, began, (failure, workMs) => ({
        type: 'step-failed',
        step: step.id,
        attempt,
        failure,
        workMs,
      }));
    }
  }

  async #undo(step: Step): Promise<void> {
    const { performer } = this.#deps;
    await this.#log([{ type: 'undo-begun', step: step.id }]);
    const began = performance.now();
    try {
      const { attempt } = stepState(this.#state, step.id);
      const { value, workMs } = await this.#acting(step, attempt, (act) => performer.undo(step, act));
      await this.#log([{ type: 'undo-finished', step: step.id, result: value, workMs }]);
    } catch (error) {
      await this.#failed(error, began, (failure, workMs) => ({ type: 'undo-failed', step: step.id, failure, workMs }));
    }
  }

  async #failed(
    error: unknown,
    began: number,
    event: (failure: ReturnType<Performer['explain']>, workMs: number) => RunEvent,
  ): Promise<void> {
    this.#leaving.signal.throwIfAborted();
    await this.#inTurn(() => this.#catchUp());
    // A step that was stopped to leave is in doubt; the next conductor resolves it by ledger or `verify`.
    if (this.#state.stopping) return;
    await this.#log([event(this.#deps.performer.explain(error), Math.round(performance.now() - began))]);
  }

  async #verify(step: Step, attempt: number): Promise<void> {
    const { performer, runbook } = this.#deps;
    const { value, workMs } = await this.#acting(step, attempt, (act) => performer.verify(step, act));
    if (value.found === 'done') {
      await this.#log([{ type: 'step-finished', step: step.id, attempt, result: value.result, workMs }]);
    } else if (value.found === 'not-done') {
      await this.#log([{ type: 'step-not-done', step: step.id, why: 'neither ledger nor verify has seen it' }]);
    } else {
      const asked = doubtPrompt(runbook, this.#state, step, value.why);
      await this.#log([{ type: 'prompt-opened', prompt: { ...asked, round: nextRound(this.#state, asked.id) } }]);
    }
  }

  /** What is owed at the end goes out, within bounds: mail never holds up the end of a run. */
  async #lastPost(): Promise<void> {
    const giveUp = AbortSignal.timeout(LAST_POST);
    await this.#postman.round();
    await Promise.race([
      this.#postman.settled(),
      new Promise((resolve) => giveUp.addEventListener('abort', resolve, { once: true })),
    ]);
  }
}
