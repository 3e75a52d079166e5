import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { problemsOf, runbook } from './document.ts';

const FILES = { 'w.sql': 'select 1', 'q.sql': "select :'name'", 'who.sql': "select 1 as actor, '{}' as claims" };
const WRITTEN = runbook({
  steps: [
    '- { id: d, kind: decision, title: D, question: Q?, evidence: [q.sql], tables: tables, options: [{ choose: go, says: On, effect: proceed }] }',
    "- { id: s, kind: sql, title: '{{item.name}}', for_each: tables, files: [w.sql], vars: { v: '{{item.owner}}' }, when: { decision: d, chose: [go] }, undo: { files: [w.sql] } }",
    '- { id: c, kind: check, title: C, sql: w.sql, expect: { rows: { at_most: 1 } }, on_failure: [{ choose: stop, says: Off, effect: abort }] }',
    '- { id: h, kind: http, title: H, requests: [{ id: r, url: "{{settings.app_url}}", capture: { token: t } }] }',
    '- { id: m, kind: monitor, title: M, for: 1h, every: 1m, samples: [{ id: r, request: { id: r, url: "http://x" }, times: 2, against: h }] }',
    '- { id: i, kind: isolation, title: I, tables: tables, actors: who.sql, own: q.sql, row: q.sql, may: { a: [select] }, prepare: { a: w.sql }, samples: { a: q.sql }, attacks: [{ file: w.sql, by: [a] }] }',
    '- { id: p, kind: policies, title: P, tables: tables, file: p.sql, within: a = 1, verdicts: [{ verdict: keep, name: "{{item.owner}}*" }] }',
  ].join('\n'),
  rest: 'audiences: { all: { sql: w.sql, addresses: [a@b.example] } }\nsuccess: [{ id: k, says: K, steps: [c] }]\nrehearsal: { answers: { d: { choose: go, as: dev } } }',
});

type Tree = Record<string, unknown> | unknown[];
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;

/** Every place of a tree: what holds it, and its key there. */
function places(tree: Tree): { parent: Tree; key: string }[] {
  return Object.entries(tree).flatMap(([key, value]) => [
    { parent: tree, key },
    ...(isTree(value) ? places(value) : []),
  ]);
}

test('whatever is broken is told, at a place, in words: never a crash, never the words of a library', () => {
  const files = { ...FILES, 'p.sql': 'create policy a on b' };
  expect(problemsOf(WRITTEN, files)).toEqual([]);
  const junk = fc.constantFrom<unknown>(
    null,
    5,
    -1,
    true,
    '',
    'x',
    [],
    {},
    [null],
    { a: 1 },
    'constructor',
    '__proto__',
    '{{item.nothing}}',
    '\u001b[2J',
  );
  let told = 0;
  fc.assert(
    fc.property(fc.nat(), junk, fc.constantFrom('replace', 'rename', 'remove'), (at, value, how) => {
      const document: Tree = parse(WRITTEN);
      const all = places(document);
      const { parent, key } = all[at % all.length] ?? { parent: document, key: '' };
      if (how !== 'replace' && !Array.isArray(parent)) {
        if (how === 'rename') parent[`${key}x`] = parent[key];
        delete parent[key];
      } else Reflect.set(parent, key, value);
      const problems = problemsOf(stringify(document), files);
      told += Math.sign(problems.length);
      for (const problem of problems) {
        expect(problem).toMatch(/^[\w.]+:\d+:\d+: \S/);
        expect(problem).not.toMatch(/invalid|expected|undefined|NaN|\[object/i);
      }
    }),
    { numRuns: 400 },
  );
  expect(told).toBeGreaterThan(200);
});
