import { didYouMean } from '../nearest.ts';
import type { Outline } from '../outline.ts';
import { called, listed } from '../plan.ts';
import { ownItems } from '../schema.ts';
import type { Step } from '../step-schema.ts';
import type { Path } from '../yaml-text.ts';
import type { Rule } from './rule.ts';

/** Every id, and every item of a list, is there once. */
export const once: Rule = ({ ids, steps, lists, written }, report) => {
  const seen = new Set<string>();
  for (const { of, path, value } of ids) {
    if ((of === 'activity' || of === 'step') && value === 'rollback')
      report(
        path,
        `'rollback' is the ${of === 'activity' ? 'activity of' : 'question before'} the way back; name this one otherwise`,
      );
    const name = `${of} ${value}`;
    if (seen.has(name)) report(path, `the id '${value}' is already that of another ${of}`);
    seen.add(name);
  }
  for (const { path, value } of steps) {
    const parts = partsOf(value);
    for (const [i, part] of parts.entries()) {
      if (parts.findIndex(({ id }) => id === part.id) < i) {
        report([...path, ...part.path], `'${part.id}' is already there in this step`);
      }
    }
  }
  for (const [list, entries] of Object.entries(written)) {
    const items = lists[list] ?? [];
    const already = new Set<string>();
    for (const [i, entry] of entries.entries()) {
      const path = ['lists', list, i];
      const own = typeof entry === 'string' ? undefined : entry;
      if (own !== undefined && own.name === undefined) {
        report(path, 'an item needs a name; steps repeated for it are called by it');
        continue;
      }
      const names = (typeof entry === 'string' ? ownItems(written, entry) : [entry]).map((item) => called(item, items));
      const twice = names.find((name) => already.has(name));
      if (twice !== undefined) report(own ? [...path, 'name'] : path, `'${twice}' is already in this list`);
      for (const name of names) already.add(name);
    }
  }
};

/** What has an id of its own inside a step. */
function partsOf(step: Step): { id: string; path: Path }[] {
  const named = (key: string, parts: { id: string }[]) => parts.map(({ id }, i) => ({ id, path: [key, i, 'id'] }));
  const choices = (key: string, options: { choose: string }[]) =>
    options.map(({ choose }, i) => ({ id: choose, path: [key, i, 'choose'] }));
  if (step.kind === 'http') return [...named('requests', step.requests), ...named('verify', step.verify ?? [])];
  if (step.kind === 'monitor') return named('samples', step.samples);
  if (step.kind === 'measure') return named('queries', step.queries);
  return step.kind === 'decision' ? choices('options', step.options) : choices('on_failure', step.on_failure ?? []);
}

/** Whatever is referred to by name exists. */
export const known: Rule = (outline, report) => {
  const { names, owners, steps, rollback, messages, criteria, risks, answers } = outline;
  const must = (kind: keyof Outline['names'], path: Path, name: string | undefined) => {
    const there = names[kind];
    if (name === undefined || there === undefined || there.includes(name)) return;
    report(path, `there is no ${kind} '${name}'${didYouMean(name, there)}`);
  };
  for (const { path, value } of owners) must('role', path, value);
  if (rollback) must('role', ['rollback', 'approver'], rollback.value.approver);
  for (const { path, value } of messages) must('audience', [...path, 'mail'], value.mail);
  for (const { path, value } of steps) {
    if ('who' in value) for (const [i, who] of value.who.entries()) must('role', [...path, 'who', i], who);
    if (value.kind === 'signoff') must('role', [...path, 'role'], value.role);
    if (value.kind === 'notify') {
      for (const [i, message] of value.messages.entries()) must('message', [...path, 'messages', i], message);
    }
    if (value.kind === 'backfill') {
      must('watch', [...path, 'slow_down', 'application', 'watch'], value.slow_down?.application?.watch);
    }
    must('list', [...path, 'for_each'], value.for_each);
    if ('tables' in value) must('list', [...path, 'tables'], value.tables);
  }
  for (const [list, entries] of Object.entries(outline.written)) {
    for (const [i, entry] of entries.entries()) {
      if (typeof entry !== 'string') continue;
      must('list', ['lists', list, i], entry);
      const named = Object.hasOwn(outline.written, entry) ? outline.written[entry] : undefined;
      if (named?.some((each) => typeof each === 'string'))
        report(['lists', list, i], `'${entry}' names other lists itself; name those here`);
    }
  }
  for (const { path, value } of criteria) {
    for (const [i, step] of (value.steps ?? []).entries()) must('step', [...path, 'steps', i], step);
  }
  for (const { path, value } of risks) must('step', [...path, 'tripwire', 'step'], value.tripwire?.step);
  for (const { path, value } of answers) must('role', [...path, 'as'], value.as);
  for (const { path, message } of outline.announced) {
    must('message', path, message);
    const mail = messages.some(({ path: [, name], value }) => name === message && value.mail !== undefined);
    if (mail && path[0] === 'status')
      report(path, `'${message}' is a mail; the status page needs a message with \`status\``);
  }
};

/** An isolation step speaks of actors and tables that it has. */
export const acting: Rule = ({ steps, lists }, report) => {
  for (const { path, value: step } of steps) {
    if (step.kind !== 'isolation' || !Object.hasOwn(lists, step.tables)) continue;
    const must = (what: string, there: string[]) => (name: string, at: Path, part?: 'key') => {
      if (!there.includes(name))
        report([...path, ...at], `there is no ${what} '${name}' in this step${didYouMean(name, there)}`, part);
    };
    const actor = must('actor', Object.keys(step.may));
    const table = must(
      'table',
      listed(lists, step.tables).map((item, _, items) => called(item, items)),
    );
    for (const name of Object.keys(step.prepare)) actor(name, ['prepare', name], 'key');
    for (const name of Object.keys(step.samples)) table(name, ['samples', name], 'key');
    for (const [name, may] of Object.entries(step.except)) {
      table(name, ['except', name], 'key');
      for (const each of Object.keys(may)) actor(each, ['except', name, each], 'key');
    }
    for (const [i, { by }] of step.attacks.entries()) {
      for (const [j, name] of by.entries()) actor(name, ['attacks', i, 'by', j]);
    }
  }
};

/** Whoever has to answer is named: a question that nobody may answer holds up the window. */
export const staffed: Rule = ({ steps, rollback, unstaffed }, report) => {
  const must = (path: Path, role: string) => {
    if (unstaffed.includes(role))
      report(path, `nobody is named as '${role}', who has to answer here; give the role its people`);
  };
  if (rollback) must(['rollback', 'approver'], rollback.value.approver);
  for (const { path, value } of steps) {
    if (value.kind === 'signoff') must([...path, 'role'], value.role);
    if ('who' in value && value.who.every((role) => unstaffed.includes(role)))
      for (const [i, role] of value.who.entries()) must([...path, 'who', i], role);
  }
};
