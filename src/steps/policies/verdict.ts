import { isDeepStrictEqual } from 'node:util';
import { escapeIdentifier } from 'pg';
import { narrowed, type Policy, type RowSecurity } from '../../postgres/policy.ts';
import { tableOf } from '../../postgres/tables.ts';
import type { Evidence } from '../../run/events.ts';
import type { Act } from '../../run/performer.ts';
import { choiceOf, stepState } from '../../run/state.ts';
import {
  type Command,
  notMade,
  type PolicyRule,
  patternOf,
  policiesMade,
  type Verdict,
} from '../../runbook/policy-rules.ts';
import type { Item } from '../../runbook/schema.ts';
import { render } from '../../runbook/sql-file.ts';
import type { StepOf } from '../../runbook/step-schema.ts';
import { itemVariables, source, type World } from '../world.ts';

type Policies = StepOf<'policies'>;

/** A policy of a table, and what becomes of it. Without a verdict: nobody has decided about it. */
export interface Judged {
  table: string;
  policy: Policy;
  verdict: Verdict | undefined;
  /** Who says so, or why nobody does. */
  why: string;
  /** What it says when it is kept within the step's condition: where that has been decided, or could be. */
  within?: Policy;
}

/** Title of the table that a decision shows, and by which it is later known what was decided about. */
const UNDECIDED = 'Policies nobody has decided about';

/** A table as people are told of it and the ledger knows it: a name is quoted where it could be taken for two. */
export function partOf(item: Item): string {
  const { schema, name } = tableOf(item);
  return [schema, name].map((each) => (/[."]/.test(each) ? escapeIdentifier(each) : each)).join('.');
}

/** What becomes of each policy of a table: by the first rule that matches, else as was decided. */
export function judge(step: Policies, act: Act, world: World, item: Item, { policies }: RowSecurity): Judged[] {
  const made = new Set(madeFor(step, world, item).map(({ command }) => command));
  return policies.map((policy) => {
    const judged = { table: partOf(item), policy, ...judgeOne(step, act, world, item, policy, made) };
    const { verdict = 'keep-within' } = judged;
    if (judged.verdict === 'keep-within' && !policy.permissive) return { ...judged, verdict: 'keep' };
    return verdict === 'keep-within' && policy.permissive && step.within !== undefined
      ? { ...judged, within: narrowed(policy, render(step.within, itemVariables(world, item))) }
      : judged;
  });
}

/** The file with the new policies of a table. */
export function fileOf(step: Policies, item: Item): string {
  const file = item.policies ?? step.file;
  if (file === undefined) throw new Error(`Neither the step nor the item ${partOf(item)} names a file of policies.`);
  return file;
}

/** The new policies of a table, as far as their file's text tells. */
export function madeFor(step: Policies, world: World, item: Item): ReturnType<typeof policiesMade> {
  return policiesMade(render(source(world, fileOf(step, item)).text, itemVariables(world, item)));
}

function judgeOne(
  step: Policies,
  act: Act,
  world: World,
  item: Item,
  policy: Policy,
  made: ReadonlySet<Command>,
): Pick<Judged, 'verdict' | 'why'> {
  let why = 'no rule names it';
  const inFull = (pattern: string) => patternOf(pattern, item, world.runbook.document.settings);
  for (const [i, rule] of step.verdicts.entries()) {
    if (!matches(rule, policy, inFull)) continue;
    const missing = rule.verdict === 'replace' ? notMade(made, policy.command) : [];
    if (missing.length === 0) return { verdict: rule.verdict, why: `rule ${i + 1} of the runbook` };
    why = `no new policy is for ${missing.join(', ')}`;
    if (rule.otherwise) return { verdict: rule.otherwise, why: `rule ${i + 1} of the runbook: ${why}` };
  }
  if (!policy.permissive) {
    // One that says what the new ones are to open up keeps everybody else out of it still.
    const twin: Policy = { ...policy, permissive: true };
    if (!step.verdicts.some((rule) => rule.verdict === 'replace' && matches(rule, twin, inFull)))
      return { verdict: 'keep', why: 'restrictive: it only narrows' };
    why = 'restrictive: while it stays, the new policies open nothing to others';
  }
  const decision = step.unexpected;
  if (decision === undefined) return { verdict: undefined, why };
  const choice = choiceOf(act.state(), decision);
  if (choice !== 'drop' && choice !== 'keep' && choice !== 'keep-within') return { verdict: undefined, why };
  // Decided about is what was on the screen: not what has come since, nor what says something else by now.
  const shown = stepState(act.state(), decision).result?.evidence ?? [];
  const row = rowOf({ table: partOf(item), policy });
  const seen = shown.some(
    (each) =>
      each.kind === 'rows' &&
      each.title === UNDECIDED &&
      each.rows.some((other) => isDeepStrictEqual(other.slice(0, row.length), row)),
  );
  return seen
    ? { verdict: choice, why: `decided at ${decision}` }
    : { verdict: undefined, why: `it was not there, or said something else, when ${decision} was decided` };
}

function matches(rule: PolicyRule, policy: Policy, pattern: (text: string) => string): boolean {
  const is = (text: string, wanted: string) => new RegExp(pattern(wanted), 's').test(text);
  const { name, command, role, expression } = rule;
  const expressions = [policy.using, policy.check].filter((each) => each !== null);
  return (
    (rule.kind === 'permissive') === policy.permissive &&
    (name === undefined || is(policy.name, name)) &&
    (command === undefined || policy.command === command) &&
    (role === undefined || policy.roles.every((each) => is(each ?? 'public', role))) &&
    (expression === undefined || expressions.every((each) => expression.some((wanted) => is(each, wanted))))
  );
}

/** A policy in four cells, which stay the same as long as it says the same. */
function rowOf({ table, policy }: Pick<Judged, 'table' | 'policy'>): string[] {
  const roles = policy.roles.map((role) => role ?? 'public').join(', ');
  return [
    table,
    policy.name,
    `${policy.command} to ${roles}${policy.permissive ? '' : ', restrictive'}`,
    saidBy(policy),
  ];
}

function saidBy({ using, check }: Policy): string {
  const said = [...(using === null ? [] : [`using (${using})`]), ...(check === null ? [] : [`with check (${check})`])];
  return said.join(' ').replace(/\s*\n\s*/g, ' ');
}

/** The policies nobody has decided about, with all they say. */
export function undecidedShown(judged: Judged[]): Evidence {
  return {
    kind: 'rows',
    title: UNDECIDED,
    columns: ['table', 'policy', 'for', 'says', 'why', 'kept within'],
    rows: judged
      .filter(({ verdict }) => verdict === undefined)
      .map((each) => [...rowOf(each), each.why, each.within === undefined ? '' : saidBy(each.within)]),
    more: 0,
  };
}

/** What becomes of the others, as far as it is more than being replaced; a policy that is kept within something as it will be. */
export function decidedShown(judged: Judged[]): Evidence {
  return {
    kind: 'rows',
    title: 'What becomes of the others that are not replaced',
    columns: ['table', 'policy', 'for', 'says', 'verdict', 'by'],
    rows: judged
      .filter(({ verdict }) => verdict !== undefined && verdict !== 'replace')
      .map(({ table, policy, verdict = '', why, within = policy }) => [
        ...rowOf({ table, policy: within }),
        verdict,
        why,
      ]),
    more: 0,
  };
}
