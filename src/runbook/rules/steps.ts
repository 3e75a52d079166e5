import { basename } from 'node:path';
import type { Outline } from '../outline.ts';
import { listed } from '../plan.ts';
import type { Option } from '../step-parts.ts';
import type { Step, StepOf } from '../step-schema.ts';
import type { Path } from '../yaml-text.ts';
import type { Report, Rule } from './rule.ts';

/** Exactly one of these keys. */
function oneOf(part: object, keys: string[], path: Path, report: Report, who: string): void {
  const given = keys.filter((key) => Reflect.get(part, key) !== undefined);
  if (given.length === 0) report(path, `${who} needs one of ${keys.join(', ')}`);
  if (given.length > 1)
    report([...path, given[1] ?? ''], `${who} has one of ${keys.join(', ')}, not ${given.join(' and ')}`, 'key');
}

/** Keys that only make sense together are there together. */
export const complete: Rule = ({ steps, criteria, audiences, messages, mail, lists }, report) => {
  for (const { path, value, whole } of steps) {
    const shown = steps.some(
      (other) =>
        other.value.kind === 'policies' && [other.value.unexpected, other.value.access?.ends].includes(value.id),
    );
    if (whole) stepSense(value, lists, shown, (at, message, part) => report([...path, ...at], message, part));
    if (value.kind !== 'check' || value.access === undefined) continue;
    const { access } = value;
    if (steps.some((other) => other.value.kind === 'policies' && other.value.id === access && other.value.access))
      continue;
    report([...path, 'access'], `there is no step '${access}' of kind policies that has \`access\``);
  }
  for (const { path, value } of criteria) {
    oneOf(value, ['steps', 'window_within', 'downtime_within', 'no_rollback'], path, report, 'a success criterion');
  }
  for (const { path, value, whole } of audiences) {
    if (!whole || value.addresses.length > 0 || value.sql !== undefined) continue;
    report(path, 'an audience needs addresses, or sql that finds them');
  }
  const first = messages.find(({ value }) => value.mail !== undefined);
  if (first === undefined || mail) return;
  report([...first.path, 'mail'], 'mails need `mail: { from: … }` in the runbook: who they are from', 'key');
};

/** @param shown whether a policies step gives this decision something to show */
function stepSense(step: Step, lists: Outline['lists'], shown: boolean, here: Report): void {
  if (step.undo && step.undo.export.length > 0 && step.undo.files.length === 0) {
    here(['undo', 'export'], 'needs `files`: its rows are kept before those are run', 'key');
  }
  const kept = step.undo?.export.map((file) => basename(file)) ?? [];
  for (const [i, name] of kept.entries()) {
    if (kept.indexOf(name) < i)
      here(['undo', 'export', i], 'would be kept in the same file as the one of this name above');
  }
  switch (step.kind) {
    case 'check':
      checkSense(step, here);
      break;
    case 'policies': {
      const without = listed(lists, step.tables).filter(
        (item) => step.file === undefined && item.policies === undefined,
      );
      const names = without.map(({ name }) => name).join(', ');
      if (without.length > 0) here([], `needs \`file\`, the policies of ${names}, whose items name none of their own`);
      for (const [i, { verdict }] of step.verdicts.entries()) {
        if (verdict !== 'keep-within' || step.within !== undefined) continue;
        here(['verdicts', i, 'verdict'], 'needs `within` in this step, the SQL condition it is kept within');
      }
      break;
    }
    case 'http':
    case 'measure':
      if ((step.against === undefined) === (step.within === undefined)) break;
      here([], '`against` and `within` go together: what to compare with, and how much slower it may be');
      break;
    case 'monitor':
      for (const [i, sample] of step.samples.entries()) {
        oneOf(sample, ['sql', 'request'], ['samples', i], here, 'a sample');
        if (sample.times === undefined || sample.against !== undefined) continue;
        here(['samples', i, 'times'], 'needs `against`, the http step with the baseline', 'key');
      }
      break;
    case 'decision':
      if (step.ask === 'always' || step.evidence.length > 0 || shown) break;
      here(['ask'], 'if-rows needs `evidence`, whose rows are looked at');
      break;
  }
}

function checkSense(step: StepOf<'check'>, here: Report): void {
  const { sql, command, catalog, rows, access, tables, expect } = step;
  if ([sql, command, catalog, rows, access].every((look) => look === undefined)) {
    here([], 'a check needs something to look at: sql, command, catalog, rows or access');
  }
  if (rows !== undefined && tables === undefined)
    here(['rows'], 'needs `tables`, the list of tables to look at', 'key');
  if (sql !== undefined && expect === undefined) here(['sql'], 'needs `expect`, or it could not fail', 'key');
  if (command === undefined && expect?.exit !== undefined)
    here(['expect', 'exit'], 'only a command has an exit code', 'key');
  if (sql === undefined && expect?.rows !== undefined) here(['expect', 'rows'], 'only a query has rows', 'key');
}

/** Nobody is left at a prompt without a way on, and an exception is never made without a reason. */
export const waysOut: Rule = ({ steps }, report) => {
  for (const { path, value, phase } of steps) {
    if (value.kind === 'decision') wayOut(value.options, [...path, 'options'], report);
    if (value.on_failure === undefined) continue;
    wayOut(value.on_failure, [...path, 'on_failure'], report);
    for (const [i, option] of value.on_failure.entries()) {
      const at = [...path, 'on_failure', i];
      if (option.effect === 'proceed')
        report([...at, 'effect'], 'what failed cannot just proceed; use accept, with a reason, to go on without it');
      if (option.effect === 'accept' && !option.reason)
        report(at, 'accepting a failure needs `reason: true`; the report says why');
      if (option.effect === 'roll-back' && phase === 'rollback')
        report([...at, 'effect'], 'there is nothing to roll back to from within a rollback');
    }
  }
};

function wayOut(options: Option[], path: Path, report: Report): void {
  if (options.every(({ effect }) => effect === 'retry'))
    report(path, 'every option tries again; offer a way out, such as abort');
}

/** Regular expressions compile. */
export const patterns: Rule = ({ steps, watches }, report) => {
  const must = (path: Path, pattern: string | undefined) => {
    if (pattern === undefined) return;
    try {
      new RegExp(pattern);
    } catch (error) {
      report(
        path,
        error instanceof Error
          ? error.message.replace(/^Invalid regular expression: /, 'not a regular expression: ')
          : String(error),
      );
    }
  };
  for (const { path, value } of steps) {
    if (value.kind === 'check' || value.kind === 'command') must([...path, 'expect', 'matches'], value.expect?.matches);
    if (value.kind === 'http') {
      for (const key of ['requests', 'verify'] as const) {
        for (const [i, { expect }] of (value[key] ?? []).entries())
          must([...path, key, i, 'expect', 'matches'], expect.matches);
      }
    }
    if (value.kind === 'monitor') {
      for (const [i, { request }] of value.samples.entries())
        must([...path, 'samples', i, 'request', 'expect', 'matches'], request?.expect.matches);
    }
  }
  for (const { path, value } of steps) {
    if (value.kind !== 'measure') continue;
    for (const [i, query] of value.queries.entries()) must([...path, 'queries', i, 'uses_index'], query.uses_index);
  }
  for (const { path, value } of watches) must([...path, 'request', 'expect', 'matches'], value.request.expect.matches);
};
