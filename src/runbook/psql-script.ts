import { escapeIdentifier, escapeLiteral } from 'pg';
import { called, itemsOf, type PlannedActivity, type Runbook } from './plan.ts';
import { type Command, commandsMade, notMade, type PolicyRule, patternOf } from './policy-rules.ts';
import type { Document, Item } from './schema.ts';
import { shellWord } from './shell-word.ts';
import { render } from './sql-file.ts';
import { type StepFile, stepFiles } from './step-files.ts';
import type { Step, StepOf } from './step-schema.ts';
import { COMMANDS } from './target-steps.ts';
import { fill } from './template.ts';

const HEAD = [
  '-- To read, to review, or to go on by hand with psql -f. The program does more than this: it decides, compares, watches,',
  '-- fills tables in small batches, retries locks, and undoes. Nothing of that is here. Try it on a copy first.',
  '\\set ON_ERROR_STOP on',
];

/** Everything a runbook would run on its database, rendered, as one script for psql; in order, with what it is for. */
export function psqlScript(runbook: Runbook): string {
  const forward = runbook.activities.filter(({ phase }) => phase !== 'rollback');
  const lines = [
    remark(runbook.document.title),
    ...HEAD,
    ...forward.flatMap((each) => ofActivity(runbook, each)),
    '',
    RULE,
    remark('The way back: what was done, in reverse. Take out the marks of what you mean to run.'),
    RULE,
    ...forward
      .flatMap(({ steps }) => steps)
      .toReversed()
      .flatMap((step) => undone(runbook, step)),
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * By hand too, nobody queues for long behind a lock that is waited for: then it fails, and can be tried again. After a second
 * an autovacuum gives way.
 */
const BEGIN = ['begin;', "set local lock_timeout = '1200ms';"];

const RULE = '-'.repeat(100);

function ofActivity(runbook: Runbook, { title, startsAt, owner, steps }: PlannedActivity): string[] {
  const role = runbook.document.roles[owner]?.title ?? owner;
  const at = new Date(startsAt).toISOString().slice(0, 16).replace('T', ' ');
  return ['', RULE, remark(`${title} - ${at} UTC, ${role}`), RULE, ...steps.flatMap((step) => ofStep(runbook, step))];
}

function ofStep(runbook: Runbook, step: Step): string[] {
  const files = filesOf(runbook, step).filter(({ use }) => use !== 'undo' && use !== 'export');
  const sql = (file: StepFile) => {
    const of = file.of === undefined ? '' : ` for ${file.of}`;
    return [remark(`${file.file}${of}`), rendered(runbook, file)];
  };
  const lines = byKind(runbook, step, files, sql);
  return ['', heading(runbook, step), ...(step.when ? [only(step.when), ...lines.map(commented)] : lines)];
}

/** What stands above a step that one answer of many leads to: its statements are there, commented out. */
function only({ decision, chose }: NonNullable<Step['when']>): string {
  return remark(`only when ${decision} is decided as ${chose.join(' or ')}; take out the marks then`);
}

/** How to take a step back by hand, commented out. */
function undone(runbook: Runbook, step: Step): string[] {
  const files = filesOf(runbook, step);
  const lines =
    step.kind === 'index'
      ? files
          .filter(({ use }) => use === 'work')
          .map(
            ({ vars }) =>
              `drop index concurrently if exists ${escapeIdentifier(vars.schema ?? 'public')}.${escapeIdentifier(vars.index ?? '')};`,
          )
      : [];
  for (const file of files.filter(({ use }) => use === 'export')) {
    lines.push(`keep the rows of this first (\\copy (…) to 'file.csv' csv header):\n${rendered(runbook, file)}`);
  }
  const undo = files.filter(({ use }) => use === 'undo').map((file) => rendered(runbook, file));
  if (undo.length > 0) lines.push(...BEGIN, ...undo, 'commit;');
  if (step.kind === 'policies')
    lines.push('drop the new policies, and put back those of before, from what was kept of them');
  return lines.length === 0 ? [] : ['', heading(runbook, step), ...lines.map(commented)];
}

/** The SQL files of a step of a runbook, as often as they are run, with their variables. */
export function filesOf({ document: { settings, lists }, sources }: Runbook, step: Step): StepFile[] {
  return stepFiles(step, { settings, lists, text: (file) => sources.files[file]?.text ?? '' });
}

function rendered({ sources }: Runbook, { file, vars }: StepFile): string {
  return closed(render(sources.files[file]?.text ?? '', vars));
}

function heading({ document: { settings } }: Runbook, { id, kind, title }: Step): string {
  return remark(`${id} (${kind}): ${fill(title, { settings }, 'keep')}`);
}

function byKind(runbook: Runbook, step: Step, files: StepFile[], sql: (file: StepFile) => string[]): string[] {
  switch (step.kind) {
    case 'sql':
      return [
        ...(step.each_partition ? [remark('of a partitioned table: do this to each of its partitions instead')] : []),
        ...BEGIN,
        ...files.flatMap(sql),
        'commit;',
      ];
    case 'backfill':
      return files.flatMap((file) =>
        file.use === 'work'
          ? [...BEGIN, "select set_config('middlewatch.backfill', 'on', true);", ...sql(file), 'commit;']
          : sql(file),
      );
    case 'policies':
      return [
        remark(
          'policies are dropped here: keep them first, with pg_dump --schema-only; only the program does so by itself',
        ),
        ...files.flatMap((file) =>
          file.use === 'look' ? sql(file) : [...BEGIN, ...dropped(runbook, step, file), ...sql(file), 'commit;'],
        ),
      ];
    case 'isolation':
    case 'measure':
      return files.flatMap((file) =>
        file.use === 'as-people'
          ? [remark('as each of those people, then rolled back:'), ...sql(file).map(commented)]
          : sql(file),
      );
    case 'manual':
      return [...step.items.map((item) => remark(`[ ] ${item}`)), ...files.flatMap(sql)];
    case 'check':
      return [
        ...(step.command ? [remark(`by hand: ${step.command.map(shellWord).join(' ')}`)] : []),
        ...files.flatMap(sql),
      ];
    case 'command':
      return [remark(`by hand: ${step.run.map(shellWord).join(' ')}`)];
    default:
      return files.flatMap(sql);
  }
}

/**
 * What the step itself drops before it creates: the policies of which a rule of `verdicts` says so, and no rule before it
 * something else. Of which none says anything is a decision; its statement is there, commented out.
 */
function dropped(runbook: Runbook, step: StepOf<'policies'>, { of, file, vars }: StepFile): string[] {
  const items = itemsOf(runbook, step.tables);
  const item = items.find((each) => called(each, items) === of);
  if (item === undefined) return [];
  const made = commandsMade(render(runbook.sources.files[file]?.text ?? '', vars));
  const rules = step.verdicts.flatMap((rule) => whenRule(rule, item, runbook.document.settings, made));
  const dropping = (condition: string) => [
    "select format('drop policy %I on %I.%I', policyname, schemaname, tablename) from pg_policies",
    `where schemaname = ${escapeLiteral(item.schema ?? 'public')} and tablename = ${escapeLiteral(item.name ?? '')}`,
    `  and case\n${rules.concat("      when permissive = 'RESTRICTIVE' then 'keep'").join('\n')}\n    end ${condition} \\gexec`,
  ];
  return [
    ...dropping("in ('replace', 'drop')"),
    ...(step.unexpected === undefined
      ? []
      : [
          remark(`only when ${step.unexpected} is decided as drop; take out the marks then`),
          ...dropping('is null').map(commented),
        ]),
  ];
}

function whenRule(
  { verdict, otherwise, name, command, role, expression, kind }: PolicyRule,
  item: Item,
  settings: Document['settings'],
  made: ReadonlySet<Command>,
): string[] {
  const regex = (pattern: string) => escapeLiteral(patternOf(pattern, item, settings)).trim();
  const all = (values: string, patterns: string[]) =>
    `not exists (select from unnest(${values}) as each where not each ~ any (array[${patterns.map(regex).join(', ')}]))`;
  const stoodInFor = COMMANDS.filter((each) => notMade(made, each).length === 0).map((each) => each.toUpperCase());
  const matches = [
    `permissive = ${escapeLiteral(kind.toUpperCase())}`,
    ...(name === undefined ? [] : [`policyname ~ ${regex(name)}`]),
    ...(command === undefined ? [] : [`cmd = ${escapeLiteral(command.toUpperCase())}`]),
    ...(role === undefined ? [] : [all('roles', [role])]),
    ...(expression === undefined ? [] : [all('array[qual, with_check]', expression)]),
  ];
  const when = (conditions: string[], then: string) =>
    `      when ${conditions.join(' and ')} then ${escapeLiteral(then)}`;
  if (verdict !== 'replace') return [when(matches, verdict)];
  return [
    when([...matches, `cmd = any (${escapeLiteral(`{${stoodInFor.join(',')}}`)})`], verdict),
    ...(otherwise === undefined ? [] : [when(matches, otherwise)]),
  ];
}

/** A comment of one line, whatever the text holds. */
function remark(text: string): string {
  return `-- ${text.replace(/[\s\p{Cc}]+/gu, ' ')}`;
}

function commented(sql: string): string {
  return sql.replace(/^/gm, '-- ');
}

/** With the semicolon that a file of one statement may leave out; on its own line, for it may end in a comment. */
function closed(sql: string): string {
  const trimmed = sql.trimEnd();
  return trimmed.endsWith(';') ? trimmed : `${trimmed}\n;`;
}
