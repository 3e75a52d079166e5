import { ready } from '../../src/run/answering/answers.ts';
import { type Action, decide } from '../../src/run/decide.ts';
import type { Answer, JournalRecord, People, Person, RunEvent } from '../../src/run/events.ts';
import { fold } from '../../src/run/fold/fold.ts';
import { chained, GENESIS, verified } from '../../src/run/journal/chain.ts';
import type { RunState } from '../../src/run/state.ts';
import type { Runbook } from '../../src/runbook/plan.ts';
import { ADA, archiveRunbook, GRACE } from './archive.ts';

/** One thing of each sort that matters to what comes next: a gate, a sign-off, a decision, a conditional step, two undos. */
export const night: Runbook = archiveRunbook({
  timeline: `
timeline:
  - id: move
    title: Move rows
    at: "02:00"
    estimate: 60m
    owner: dev
    steps:
      - { id: table, title: Make the table, kind: sql, files: [sql/table.sql], estimate: 10m, undo: { files: [sql/drop.sql], estimate: 5m } }
      - id: orphans
        title: Orphans
        kind: decision
        question: What shall become of the orphans?
        options:
          - { choose: keep, says: They stay., effect: proceed }
          - { choose: drop, says: They are deleted., effect: proceed, reason: true }
      - { id: sweep, title: Delete the orphans, kind: sql, files: [sql/sweep.sql], estimate: 10m, when: { decision: orphans, chose: [drop] } }
      - { id: copy, title: Copy the rows, kind: sql, files: [sql/copy.sql], estimate: 40m, undo: { files: [sql/empty.sql] } }
  - id: look
    title: Look at it
    at: "03:00"
    estimate: 30m
    owner: dev
    steps:
      - { id: again, title: Copy what is missing, kind: sql, files: [sql/copy.sql], when: { decision: count, chose: [copy] } }
      - id: count
        title: Count them
        kind: check
        sql: sql/count.sql
        expect: { value: { equals: 0 } }
        on_failure:
          - { choose: retry, says: Count again., effect: retry }
          - { choose: copy, says: Copy what is missing and count again., effect: retry }
          - { choose: roll-back, says: Undo everything., effect: roll-back, reason: true }
          - { choose: abort, says: Stop here., effect: abort, reason: true }`,
  rollback: `
rollback: { approver: lead, estimate: 10m, restore: [Restore the backup by hand.], steps: [{ id: as-before, title: As before, kind: check, sql: sql/count.sql, expect: { value: { equals: 0 } } }] }`,
});

const FAILURE = { name: 'DatabaseTrouble', message: 'deadlock detected', code: '40P01' };

const PEOPLE = { dev: ['Ada'], lead: ['Grace', 'Barbara'] };

/** What else may be so of a run. */
interface Differently extends Omit<People, 'people'> {
  runbook?: Runbook;
}

/** A run in memory, told what happens to it; asked, as a conductor would, what is next. */
export class Night {
  readonly records: JournalRecord[] = [];
  readonly runbook: Runbook;
  now = night.opens - 49 * 3_600_000;
  #state: RunState | null = null;

  constructor(people: Record<string, string[]> = PEOPLE, { runbook = night, ...more }: Differently = {}) {
    this.runbook = runbook;
    const { sources, opens } = runbook;
    const opening = { type: 'run-opened', run: 'n', settings: {}, rehearsal: false, by: ADA } as const;
    this.happens({ ...opening, sources, opens, people, ...more });
    this.starts();
  }

  get state(): RunState {
    if (!this.#state) throw new Error('nothing has happened');
    return this.#state;
  }

  get next(): Action {
    return decide(this.runbook, this.state, this.now);
  }

  happens(...events: RunEvent[]): this {
    for (const event of events) {
      const last = this.records.at(-1) ?? { seq: 0, hash: GENESIS };
      const [record] = verified(last, [chained(last, this.now, event)]);
      if (!record) throw new Error('no record');
      this.records.push(record);
      this.#state = fold(this.#state, record);
    }
    return this;
  }

  /** A conductor begins; whatever the one before had at work is in doubt. */
  starts(by = ADA): this {
    return this.happens({ type: 'conductor-started', host: 'h', pid: 1, token: 1, by });
  }

  /** The open question is answered, and the conductor acts on it. */
  answers(by: Person, choose: string, reason?: string): this {
    this.says(by, choose, reason);
    return this.next.do === 'settle' ? this.does(this.next) : this;
  }

  /** The open question is answered; nothing is done about it yet. */
  says(by: Person, choose: string, reason?: string): this {
    const open = this.state.prompts.findLast((each) => each.settled === null && each.closedAt === null);
    if (!open) throw new Error('nothing is asked');
    const { id: prompt, round } = open.prompt;
    const answer: Answer = { prompt, round, choose, by, proof: 'named', from: 'test', ...(reason ? { reason } : {}) };
    return this.happens({ type: 'prompt-answered', answer });
  }

  /** Puts on record what a conductor would, were this action to end so. */
  does(action: Action, ends: 'well' | 'badly' | 'unseen' = 'well'): this {
    switch (action.do) {
      case 'perform': {
        const { step, attempt } = action;
        this.happens({ type: 'step-begun', step: step.id, attempt });
        if (ends === 'badly')
          this.happens({ type: 'step-failed', step: step.id, attempt, failure: FAILURE, workMs: 5 });
        if (ends !== 'well') return this;
        const result = { summary: 'done' };
        const asks = step.kind === 'signoff' || step.kind === 'decision';
        return asks
          ? this.happens({ type: 'step-asked', step: step.id, result })
          : this.happens({ type: 'step-finished', step: step.id, attempt, result, workMs: 10 });
      }
      case 'verify': {
        const { step, attempt } = action;
        const result = { summary: 'had been done' };
        return ends === 'well'
          ? this.happens({ type: 'step-finished', step: step.id, attempt, result, workMs: 0 })
          : this.happens({ type: 'step-not-done', step: step.id, why: 'not in the ledger' });
      }
      case 'lapse':
        return this.happens({ type: 'signoff-lapsed', step: action.step.id, why: action.why });
      case 'undo': {
        const { id: step } = action.step;
        this.happens({ type: 'undo-begun', step });
        if (ends === 'badly') this.happens({ type: 'undo-failed', step, failure: FAILURE, workMs: 5 });
        if (ends !== 'well') return this;
        return this.happens({ type: 'undo-finished', step, result: { summary: 'undone' }, workMs: 10 });
      }
      case 'skip':
        return this.happens({ type: 'step-skipped', step: action.step.id, why: action.why });
      case 'settle': {
        const asked = this.state.prompts.filter(ready).map(({ prompt: { id, round } }) => ({ prompt: id, round }));
        return this.happens(...asked.map((each) => ({ type: 'prompt-settled' as const, ...each })));
      }
      case 'ask':
        return this.happens({ type: 'prompt-opened', prompt: action.prompt });
      case 'begin-window':
        return this.happens({ type: 'window-began' });
      case 'begin-rollback':
        return this.happens({ type: 'rollback-begun', reason: action.reason });
      case 'finish':
        return this.happens({ type: 'run-finished', outcome: action.outcome, why: action.why });
      case 'wait-for-time':
        this.now = action.until;
        return this;
      case 'wait-for-person':
      case 'leave':
        return this;
    }
  }

  /** Goes on, everything succeeding, until this is next. */
  until(stop: (action: Action) => boolean): this {
    for (let i = 0; i < 100; i += 1) {
      const { next } = this;
      if (stop(next)) return this;
      if (next.do === 'wait-for-person') this.agrees();
      else this.does(next);
    }
    throw new Error(`not in a hundred actions; the last was ${JSON.stringify(this.next)}`);
  }

  /** Goes on until this step is the one to perform. */
  untilStep(id: string): this {
    return this.until((action) => action.do === 'perform' && action.step.id === id);
  }

  /** The open question is answered so that the run goes on. */
  agrees(): this {
    return this.answers(GRACE, this.state.prompts.at(-1)?.prompt.options[0]?.choose ?? '', 'because');
  }
}
