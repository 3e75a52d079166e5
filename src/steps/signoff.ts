import { propose } from '../run/answering/proposal.ts';
import type { Evidence } from '../run/events.ts';
import { type RunState, stepState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import type { Kind } from './kind.ts';

/** Asks a role for its word, on a short account of the run so far; the answer is proposed where the run knows it. */
export const signoff: Kind<'signoff'> = {
  async perform(step, act, world) {
    const state = act.state();
    const evidence = account(world.runbook, state);
    if (step.proposal === undefined) return { asks: { summary: step.statement, evidence } };
    const proposal = propose(step.proposal, world.runbook, state, step.id);
    return { asks: { summary: step.statement, facts: { proposal }, evidence } };
  },
};

const words = { done: 'done', accepted: 'accepted', skipped: 'skipped', failed: 'failed', undone: 'undone' } as const;

/** How each activity stands, what was accepted or failed and why, and which messages have not gone out. */
function account(runbook: Runbook, state: RunState): Evidence[] {
  const begun = runbook.activities.filter(({ steps }) => steps.some((step) => state.steps[step.id] !== undefined));
  const standing = begun.map(({ title, steps }) => {
    const counts = Object.entries(words).flatMap(([status, word]) => {
      const count = steps.filter((step) => stepState(state, step.id).status === status).length;
      return count === 0 ? [] : [`${count} ${word}`];
    });
    return [title, `${counts.join(', ') || 'begun'} of ${steps.length}`];
  });
  const open = begun.flatMap(({ steps }) =>
    steps.flatMap((step) => {
      const { status, reason, failure, result } = stepState(state, step.id);
      if (status === 'accepted') return [[step.title, `accepted: ${reason ?? 'no reason given'}`]];
      if (status === 'failed') return [[step.title, `failed: ${failure?.message ?? ''}`]];
      return (result?.exceptions ?? []).map((exception) => [step.title, exception]);
    }),
  );
  const unsent = Object.values(state.messages)
    .filter((each) => each.sentAt === null)
    .map(({ message, failure }) => [message.subject ?? message.body, failure?.message ?? 'on its way']);
  const rows = (title: string, columns: string[], rows: string[][]): Evidence[] =>
    rows.length === 0 ? [] : [{ kind: 'rows', title, columns, rows, more: 0 }];
  return [
    ...rows('The run so far', ['activity', 'steps'], standing),
    ...rows('Not as planned', ['step', 'what'], open),
    ...rows('Messages not sent yet', ['message', 'why'], unsent),
  ];
}
