import type { Policy, RowSecurity } from '../postgres/policy.ts';
import type { Evidence } from '../run/events.ts';
import type { Act } from '../run/performer.ts';
import { choiceOf } from '../run/state.ts';
import type { StepOf } from '../runbook/step-schema.ts';
import { ExpectationFailed } from './kind.ts';

type Policies = StepOf<'policies'>;
export type Verdict = 'replaced' | 'kept' | 'dropped' | 'unexpected';

/** What becomes of an existing policy, by its name. */
export function verdict(step: Policies, act: Act, name: string): Verdict {
  if (step.keeps.some((pattern) => matches(pattern, name))) return 'kept';
  if (step.replaces.some((pattern) => matches(pattern, name))) return 'replaced';
  switch (step.unexpected === undefined ? undefined : choiceOf(act.state(), step.unexpected)) {
    case 'drop':
      return 'dropped';
    case 'keep':
      return 'kept';
    default:
      return 'unexpected';
  }
}

/** Whether a name is what the pattern says; `*` stands for any text. */
function matches(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*')}$`).test(name);
}

/** The policies without a verdict, with what they say, for a person to decide on. */
export function undecided(
  step: Policies,
  found: [string, RowSecurity][],
  judged: (policy: Policy) => Verdict,
): ExpectationFailed {
  const evidence: Evidence = {
    kind: 'rows',
    title: 'Policies nobody has decided about',
    columns: ['table', 'policy', 'for', 'roles', 'kind', 'using', 'with check'],
    rows: found.flatMap(([table, { policies }]) =>
      policies
        .filter((policy) => judged(policy) === 'unexpected')
        .map(({ name, command, roles, permissive, using, check }) => [
          table,
          name,
          command,
          roles.map((role) => role ?? 'public').join(', '),
          permissive ? 'permissive' : 'restrictive',
          using ?? '',
          check ?? '',
        ]),
    ),
    more: 0,
  };
  return new ExpectationFailed(
    'There are policies that are neither replaced nor kept; no table has been touched because of them.',
    [evidence],
    step.unexpected === undefined
      ? 'Name them under `replaces` or `keeps`, or add a decision and name it under `unexpected`.'
      : `Answer the decision ${step.unexpected} with drop or keep; any one permissive policy left behind undoes the others.`,
  );
}
