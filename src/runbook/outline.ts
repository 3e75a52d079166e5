import type * as z from 'zod';
import type { Phase } from './plan.ts';
import * as schema from './schema.ts';
import { type Step, step } from './step-schema.ts';
import type { Path } from './yaml-text.ts';

/** A part of the document, and where it stands. */
export interface Placed<T> {
  path: Path;
  value: T;
}

/** A part that is well formed by itself. Not `whole`: some of its optional keys were not, and have been left out. */
export interface Part<T> extends Placed<T> {
  whole: boolean;
}

/**
 * The document part by part, so that one broken part hides no mistake in another. A part that is broken itself is left
 * out of the values, but not of the names: it exists, and what refers to it is right.
 */
export interface Outline {
  window: schema.Document['window'] | undefined;
  lists: schema.Document['lists'];
  /** The same lists as they are written; their items are the same objects. */
  written: Record<string, schema.WrittenList>;
  settings: Record<string, string>;
  activities: (Part<schema.Activity> & { phase: Phase })[];
  /** In the order they run. */
  steps: (Part<Step> & { phase: Phase })[];
  rollback: Part<schema.Document['rollback']> | undefined;
  audiences: Part<z.output<typeof schema.audience>>[];
  messages: Part<schema.Message>[];
  criteria: Part<schema.Criterion>[];
  risks: Part<schema.Risk>[];
  watches: Part<z.output<typeof schema.watch>>[];
  answers: Part<schema.RehearsalAnswer>[];
  /** Messages named by the status page and by `announce`. */
  announced: { path: Path; message: string }[];
  /** Whether the document says who mails are from. */
  mail: boolean;
  /** Texts outside steps and messages in which settings are filled in. */
  texts: Placed<string>[];
  /** Owners of activities and steps, also of broken ones, and the roles that one person may fill. */
  owners: Placed<string>[];
  /** Undefined where the part that would name them is broken itself: what refers to it may be right. */
  names: Record<'role' | 'list' | 'audience' | 'message' | 'watch', string[] | undefined> & { step: string[] };
  roles: (Part<z.output<typeof schema.role>> & { name: string })[];
  /** Signatures are required of all of them. */
  signatures: boolean;
  /** Roles for which nobody is named. */
  unstaffed: string[];
  /** Everything with an id: what kind of thing it is, and where the id stands. */
  ids: (Placed<string> & { of: 'activity' | 'step' | 'criterion' | 'risk' | 'watch' })[];
}

const PHASES = { prepare: 'prepare', timeline: 'window', after: 'after' } as const;

/** Where an item of a list is written, be it in another one. */
export function placeOfItem(written: Outline['written'], item: schema.Item): Path {
  for (const [list, entries] of Object.entries(written)) {
    const i = entries.indexOf(item);
    if (i >= 0) return ['lists', list, i];
  }
  return ['lists'];
}

/** Takes a document apart. What is not in its place, or not of its form, is passed over. */
export function outline(document: unknown): Outline {
  const root = mapOf(document);
  const rollback = mapOf(root.rollback);
  const activities = Object.entries(PHASES).flatMap(([key, phase]) =>
    listOf(root[key]).map((value, i) => ({ phase, path: [key, i] as Path, value: mapOf(value) })),
  );
  const steps = [...activities, { phase: 'rollback' as const, path: ['rollback'] as Path, value: rollback }].flatMap(
    ({ phase, path, value }) =>
      listOf(value.steps).map((each, i) => ({ phase, path: [...path, 'steps', i] as Path, value: each })),
  );
  const words = (key: string, parts: Placed<unknown>[]): Placed<string>[] =>
    parts.flatMap(({ path, value }) => {
      const word = mapOf(value)[key];
      return typeof word === 'string' ? [{ path: [...path, key], value: word }] : [];
    });
  const ids = (of: Outline['ids'][number]['of'], parts: Placed<unknown>[]): Outline['ids'] =>
    words('id', parts).map((id) => ({ of, ...id }));
  const written = Object.fromEntries(
    Object.entries(mapOf(root.lists)).flatMap(([name, entries]) => {
      const { data } = schema.list.safeParse(entries);
      return data ? [[name, data]] : [];
    }),
  );
  const status = schema.status.safeParse(root.status).data;
  const announce = schema.announce.safeParse(root.announce).data;
  const watches = entriesOf(root, 'watches').flatMap((it) => wellFormed(schema.watch, it));
  const criteria = entriesOf(root, 'success');
  const risks = entriesOf(root, 'risks');
  return {
    window: schema.window.safeParse(root.window).data,
    lists: schema.spelledOut(written),
    written,
    // Only the names of the ill-formed ones matter: they have a problem of their own, and are not filled in.
    settings: Object.fromEntries(
      Object.entries(mapOf(root.settings)).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : `{{settings.${name}}}`,
      ]),
    ),
    activities: activities.flatMap(({ phase, path, value }) =>
      wellFormed(schema.activity, { path, value: { ...value, steps: [] } }).map((it) => ({ ...it, phase })),
    ),
    steps: steps.flatMap(({ phase, path, value }) => wellFormed(step, { path, value }).map((it) => ({ ...it, phase }))),
    rollback: wellFormed(schema.rollback, { path: ['rollback'], value: { ...rollback, steps: [] } })[0],
    audiences: entriesOf(root, 'audiences').flatMap((it) => wellFormed(schema.audience, it)),
    messages: entriesOf(root, 'messages').flatMap((it) => wellFormed(schema.message, it)),
    criteria: criteria.flatMap((it) => wellFormed(schema.criterion, it)),
    risks: risks.flatMap((it) => wellFormed(schema.risk, it)),
    watches,
    announced: [
      ...(status ? [{ path: ['status', 'message'], message: status.message }] : []),
      ...(['extended', 'rolled_back', 'cancelled'] as const).flatMap((when) =>
        (announce?.[when] ?? []).map((message, i) => ({ path: ['announce', when, i], message })),
      ),
    ],
    answers: entriesOf(mapOf(root.rehearsal), 'answers').flatMap(({ path, value }) =>
      wellFormed(schema.answer, { path: ['rehearsal', ...path], value }),
    ),
    mail: root.mail !== undefined,
    texts: [
      ...words('from', [{ path: ['mail'], value: root.mail }]),
      ...words('reply_to', [{ path: ['mail'], value: root.mail }]),
      ...words('page', [{ path: ['status'], value: root.status }]),
    ],
    owners: [
      ...words('owner', activities),
      ...words('owner', steps),
      ...listOf(mapOf(root.approvals).one_person_may_fill).flatMap((roles, i) =>
        listOf(roles).flatMap((value, j) =>
          typeof value === 'string' ? [{ path: ['approvals', 'one_person_may_fill', i, j], value }] : [],
        ),
      ),
    ],
    names: {
      role: namesIn(root.roles ?? null),
      list: namesIn(root.lists),
      audience: namesIn(root.audiences),
      message: namesIn(root.messages),
      watch: ids('watch', entriesOf(root, 'watches')).map(({ value }) => value),
      step: ids('step', steps).map(({ value }) => value),
    },
    roles: entriesOf(root, 'roles').flatMap((it) =>
      wellFormed(schema.role, it).map((part) => ({ ...part, name: String(it.path.at(-1)) })),
    ),
    signatures: root.signatures === 'required',
    unstaffed: Object.entries(mapOf(root.roles)).flatMap(([name, value]) =>
      schema.role.safeParse(value).data?.people.length === 0 ? [name] : [],
    ),
    ids: [
      ...ids('activity', activities),
      ...ids('step', steps),
      ...ids('criterion', criteria),
      ...ids('risk', risks),
      ...ids('watch', entriesOf(root, 'watches')),
    ],
  };
}

/** The part, or what is left of it without the keys that are not of their form; nothing when those are needed. */
function wellFormed<S extends z.ZodType>(form: S, { path, value }: Placed<unknown>): Part<z.output<S>>[] {
  const parsed = form.safeParse(value);
  if (parsed.success) return [{ path, value: parsed.data, whole: true }];
  const broken = parsed.error.issues.flatMap(({ path: [key], ...issue }) =>
    key === undefined && issue.code === 'unrecognized_keys' ? issue.keys : [key],
  );
  const rest = Object.fromEntries(Object.entries(mapOf(value)).filter(([key]) => !broken.includes(key)));
  const { success, data } = form.safeParse(rest);
  return success ? [{ path, value: data, whole: false }] : [];
}

/** The entries of a list, or of a map, below a key. */
function entriesOf(parent: Record<string, unknown>, key: string): Placed<unknown>[] {
  const value = parent[key];
  if (Array.isArray(value)) return value.map((each: unknown, i) => ({ path: [key, i], value: each }));
  return Object.entries(mapOf(value)).map(([name, each]) => ({ path: [key, name], value: each }));
}

/** The keys of a map; none when there is no such part, undefined when it is something else. */
function namesIn(part: unknown): string[] | undefined {
  if (part === undefined) return [];
  return typeof part === 'object' && part !== null && !Array.isArray(part) ? Object.keys(part) : undefined;
}

function mapOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
