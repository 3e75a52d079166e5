import type { JournalRecord } from '../../src/run/events.ts';
import type { Lease } from '../../src/run/journal/journal.ts';
import { type RunState, stepState } from '../../src/run/state.ts';
import type { Step } from '../../src/runbook/step-schema.ts';
import type { Complain } from './target.ts';

const OVER = ['done', 'accepted'];

/** What must hold of each record in its place, and of each act at its moment. */
export class Rules {
  readonly #complain: Complain;
  #aborted = false;

  constructor(complain: Complain) {
    this.#complain = complain;
  }

  /** The journal by itself: nothing finished is begun again, nothing is answered twice, nothing happens after the end. */
  readonly record = (before: RunState | null, { seq, event }: JournalRecord, after: RunState): void => {
    if (before === null) return;
    const must = (holds: boolean, what: string) => {
      if (!holds) this.#complain(`record ${seq}, ${event.type}: ${what}`);
    };
    if (event.type === 'step-begun') {
      const { status, attempt } = stepState(before, event.step);
      must(![...OVER, 'running'].includes(status), `${event.step} is ${status} already`);
      must(event.attempt === attempt + 1, `attempt ${event.attempt} comes after ${attempt}`);
    }
    if (event.type === 'step-finished') {
      const { status } = stepState(before, event.step);
      must(['running', 'in-doubt'].includes(status), `${event.step} was ${status}`);
    }
    if (event.type === 'step-begun' || event.type === 'undo-begun') {
      must(before.outcome === null, 'the run is over');
      must(!this.#aborted || before.rollback?.begunAt != null, 'the run was aborted, and no rollback is approved');
    }
    if (event.type === 'run-finished') this.#aborted ||= event.outcome === 'aborted';
    if (event.type === 'message-owed') must(before.messages[event.message.id] === undefined, 'it is owed already');
    for (const [i, { settled, answers }] of before.prompts.entries()) {
      const now = after.prompts[i];
      must(settled === null || now?.settled === settled, 'an answer that counted does no more');
      must((now?.answers.length ?? 0) >= answers.length, 'an answer has gone');
    }
  };

  /** An act is on record before it is done, by the conductor that does it, and an undo is approved by a second person. */
  act(what: 'perform' | 'undo', step: Step, state: RunState | null, { token }: Lease, newest: number): void {
    if (state === null) return;
    const { status } = stepState(state, step.id);
    // A stale conductor may begin an act that is fenced; it cannot end it.
    if (token !== newest && step.kind !== 'command') return;
    if (token !== newest) this.#complain(`${step.id} is done by a conductor that has been taken over from`);
    const wanted = what === 'perform' ? 'running' : 'undoing';
    if (status !== wanted) this.#complain(`${step.id} is done while the journal has it ${status}`);
    if (what === 'perform') return;
    const approval = state.prompts.findLast((each) => each.prompt.kind === 'rollback')?.settled;
    const asker = state.rollback?.by?.name;
    if (!state.rollback?.begunAt || approval?.choose !== 'approve' || approval.by.name === asker) {
      this.#complain(`${step.id} is undone without the approval of a second person`);
    }
  }
}
