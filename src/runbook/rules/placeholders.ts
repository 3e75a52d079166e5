import { MESSAGE_NAMES } from '../message-scope.ts';
import { didYouMean } from '../nearest.ts';
import { type Outline, placeOfItem } from '../outline.ts';
import { listed } from '../plan.ts';
import { shown } from '../shown.ts';
import type { Request } from '../step-parts.ts';
import type { Step } from '../step-schema.ts';
import { fill, placeholders, strayBraces } from '../template.ts';
import type { Path } from '../yaml-text.ts';
import type { Report, Rule } from './rule.ts';

/** Every text in a value, and where it stands. */
function textsIn(value: unknown, path: Path): { text: string; path: Path }[] {
  if (typeof value === 'string') return [{ text: value, path }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    textsIn(each, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

/** Texts that are shown or kept, where a secret has no place. */
const SHOWN = new Set(['title', 'note', 'question', 'statement', 'items', 'says', 'options', 'on_failure']);

/** Every `{{placeholder}}` stands for something where it is filled in. */
export const filled: Rule = (outline, report) => {
  const settings = Object.keys(outline.settings).map((name) => `settings.${name}`);
  for (const { path, value } of outline.messages) {
    const here: Report = (at, words) => report([...path, at[0] === 0 ? 'subject' : 'body'], words);
    check(textsIn([value.subject ?? '', value.body], []), [...MESSAGE_NAMES, ...settings], here, 'shown');
  }
  for (const { path, value } of outline.texts) check([{ text: value, path }], settings, report);
  for (const { path, value } of outline.watches)
    inRequests([{ path: [...path, 'request'], request: value.request }], settings, outline, report);
  for (const { path, value } of outline.steps) inStep(path, value, outline, settings, report);
};

function inStep(path: Path, step: Step, outline: Outline, settings: string[], report: Report): void {
  const { lists } = outline;
  const fields = (list: string | undefined) =>
    listed(lists, list).flatMap((item) => Object.keys(item).map((name) => `item.${name}`));
  const known = [...settings, ...fields(step.for_each)];
  const requests: { path: Path; request: Request }[] =
    step.kind === 'http'
      ? step.requests.map((request, i) => ({ path: ['requests', i], request }))
      : step.kind === 'monitor'
        ? step.samples.flatMap(({ request }, i) => (request ? [{ path: ['samples', i, 'request'], request }] : []))
        : [];
  const here: Report = (at, words) => report([...path, ...at], words);
  inRequests(requests, known, outline, here);
  const verifying = step.kind === 'http' ? (step.verify ?? []) : [];
  inRequests(
    verifying.map((request, i) => ({ path: ['verify', i], request })),
    known,
    outline,
    here,
  );
  // An unknown list has its own problem; what its items hold cannot be told.
  const drawsOn = [step.for_each, step.kind === 'index' || step.kind === 'policies' ? step.tables : undefined];
  if (drawsOn.some((list) => list !== undefined && !Object.hasOwn(lists, list))) return;
  for (const [key, value] of Object.entries(step)) {
    if (key === 'requests' || key === 'samples' || (step.kind === 'http' && key === 'verify')) continue;
    const ofTables = (step.kind === 'index' && key === 'name') || (step.kind === 'policies' && key === 'verdicts');
    const whole = key === 'vars' ? Object.keys(lists).map((name) => `lists.${name}`) : [];
    const more = ofTables ? fields(step.tables) : whole;
    check(textsIn(value, [key]), [...known, ...more], here, SHOWN.has(key) ? 'shown' : 'acted on');
  }
}

/** Requests of one round: each knows what those before it have captured. */
function inRequests(
  requests: { path: Path; request: Request }[],
  known: string[],
  { settings }: Outline,
  report: Report,
): void {
  let captured: string[] = [];
  for (const { path, request } of requests) {
    check(textsIn(request, path), [...known, ...captured], report);
    const url = fill(request.url, { settings }, 'keep');
    if (placeholders(url).length === 0 && !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
      report([...path, 'url'], `${shown(url)} is no address; write it like https://app.example.com/health`);
    captured = [...captured, ...Object.keys(request.capture)];
  }
}

function check(
  texts: { text: string; path: Path }[],
  known: string[],
  report: Report,
  use: 'shown' | 'acted on' = 'acted on',
): void {
  for (const { text, path } of texts) {
    const stray = use === 'shown' ? strayBraces(text) : undefined;
    if (stray !== undefined)
      report(path, `${shown(stray)} is not a placeholder and would be shown as it stands; write {{name}}`);
    for (const name of placeholders(text)) {
      if (known.includes(name)) continue;
      if (!name.startsWith('env.'))
        report(path, `{{${name}}} stands for nothing here${didYouMean(name, known) || hint(name)}`);
      else if (use === 'shown')
        report(
          path,
          `{{${name}}} is a secret and would be shown here; secrets only go into commands, requests and vars`,
        );
    }
  }
}

function hint(name: string): string {
  if (name.startsWith('item.')) return '; it needs `for_each`, and a list whose every item has that field';
  return name.startsWith('settings.') ? '; name it under `settings`' : '';
}

const PASSWORD = /:\/\/[^\s/:@]*:[^\s/:@{}]+@/;

/** The document is kept with every run and its report: no address in it holds a password. */
export const noPasswords: Rule = ({ settings, steps, watches }, report) => {
  const parts = [{ path: ['settings'], value: settings }, ...steps, ...watches];
  for (const { text, path } of parts.flatMap(({ path, value }) => textsIn(value, path))) {
    if (PASSWORD.test(text))
      report(path, 'holds a password for everybody to read; write {{env.NAME}} where it is used');
  }
};

/** Every item of a list has the fields that the steps repeated for it, and the names of their indexes, ask for. */
export const fields: Rule = ({ steps, lists, written }, report) => {
  for (const { value } of steps) {
    const asked = (text: unknown) => textsIn(text, []).flatMap(({ text }) => placeholders(text));
    lacking(value.for_each, asked(value));
    if (value.kind === 'index') lacking(value.tables, asked(value.name));
  }
  function lacking(list: string | undefined, names: string[]): void {
    const items = listed(lists, list);
    for (const name of names.filter((each) => each.startsWith('item.')).map((each) => each.slice('item.'.length))) {
      const without = items.filter((item) => !Object.hasOwn(item, name));
      if (without.length === items.length || name === 'name') continue;
      for (const item of without)
        report(placeOfItem(written, item), `this item has no '${name}', which steps ask for and others have`);
    }
  }
};
