import { describe, expect, test } from 'vitest';
import { decision, problemsOf, runbook } from './document.ts';
import { expectProblems } from './marked.ts';

test('the documents these are made from are in order', () => {
  expect(problemsOf(runbook())).toEqual([]);
  expect(problemsOf(runbook({ steps: decision('one') }))).toEqual([]);
});

test('every mistake is reported at once, also below and beside others', () => {
  expectProblems(
    runbook({
      head: 'runbook: 1\nid: small\ntitle: Small\n‸summry: What it is for\napprovals: { one_person_may_fill: [[dev, ‸qaaa]] }',
      window:
        'window: { opens: 2025-11-10T02:00:00Z, closes: ‸2025-11-10T01:00:00Z, timezones: [Europe/Berlin, ‸Mars/Olympus] }',
      timeline: [
        'timeline:',
        '- id: first',
        '  title: First',
        '  at: "02:00"',
        '  estimate: ‸half an hour',
        '  owner: ‸develper',
        '  steps:',
        '  - { id: a, kind: ‸chek, title: A }',
        '  - { id: b, kind: sql, title: B, owner: ‸nobody, files: [‸sql/missing.sql], timeout: ‸soon }',
        '  - { id: ‸a, kind: signoff, title: C, role: ‸qaa, statement: S, when: { decision: a, chose: ‸[] } }',
      ].join('\n'),
    }),
    [
      "'summry' is not known here; did you mean 'summary'?",
      "there is no role 'qaaa'; did you mean 'qa'?",
      'the window closes before it opens',
      "'Mars/Olympus' is no time zone; write one like Europe/Berlin",
      "estimate: 'half an hour' is not a duration; write it like 30m, 1h30m, 45s or 250ms",
      "there is no role 'develper'",
      "kind: unknown kind 'chek'; did you mean 'check'?",
      "there is no role 'nobody'",
      'sql/missing.sql is not among the files of this runbook',
      "timeout: 'soon' is not a duration; write it like 30m, 1h30m, 45s or 250ms",
      "the id 'a' is already that of another step",
      "there is no role 'qaa'; did you mean 'qa'?",
      'chose: must not be empty',
    ],
  );
});

describe('YAML', () => {
  const cases: [string, string, string[]][] = [
    ['a key twice', runbook({ rest: '‸title: Again' }), ['this key is already there, further up in the same map']],
    [
      'a second document',
      runbook({ rest: '‸---\ntitle: Other' }),
      ['a runbook is one YAML document; remove the line --- and what follows it'],
    ],
    [
      'an alias',
      runbook({ settings: 'settings: &s { a: x }', rest: 'rehearsal: { settings: ‸*s }' }),
      ['*s stands for text elsewhere; write it out here'],
    ],
    [
      'a number where text is needed',
      runbook({ settings: 'settings: { é🦒: x, port: ‸5432 }' }),
      ['port: must be text, not 5432; put it in quotes'],
    ],
    [
      'a setting that is no text, once, wherever it would be filled in',
      runbook({
        settings: 'settings: { app_url: ‸{ a: 1 } }',
        steps: '- { id: h, kind: http, title: H, requests: [{ id: r, url: "{{settings.app_url}}/health" }] }',
      }),
      ['app_url: must be text, not a map of keys'],
    ],
    [
      'tabs, of which alone is spoken',
      runbook({ rest: 'risks:\n‸\t- id: r\n‸\t  says: R' }),
      ['indent with spaces; YAML does not allow tabs here', 'indent with spaces; YAML does not allow tabs here'],
    ],
    [
      'a line without its colon',
      runbook({ rest: 'risks: []\n‸status page\nannounce: {}' }),
      ['lacks its colon; write key: value'],
    ],
    [
      'a line that stands too deep',
      runbook({ window: 'window:\n  opens: ‸2025-11-10T02:00:00Z\n   closes: 2025-11-10T06:00:00Z' }),
      [
        'stands deeper than what is beside it, or has a colon and a space in its text; indent it alike, or put the text in quotes',
      ],
    ],
    [
      'what reads otherwise in another version of YAML',
      `‸%YAML 1.1\n---\n${runbook()}`,
      ['a runbook is YAML 1.2; remove the line %YAML'],
    ],
    [
      'a tag',
      runbook({ head: 'runbook: 1\nid: small\ntitle: ‸!!binary aGVsbG8=' }),
      ['YAML: Unresolved tag: tag:yaml.org,2002:binary'],
    ],
    [
      'a name that is none in JavaScript',
      runbook({ settings: 'settings: { ‸__proto__: x }' }),
      ["'__proto__' cannot be a name"],
    ],
    [
      'a version that is not there yet',
      runbook({ head: 'runbook: ‸2\nid: small\ntitle: Small' }),
      ['runbook: must be 1, not 2'],
    ],
    [
      'a number and nothing where a time is needed',
      runbook({ rest: 'status: { every: ‸30, message: done }\nprepare: [{ id: p, title: P, at: ‸, owner: dev }]' }),
      [
        'every: 30 is not a duration; write it like 30m, 1h30m, 45s or 250ms',
        'at: nothing is not a planned time; write "02:30" (UTC), -48h (before the opening) or +24h (after the close)',
      ],
    ],
    [
      'a part that is not there hides what refers to it, and is said once',
      runbook({ roles: 'roles: ‸null', messages: 'messages: ‸[]', rest: 'status: { every: 30m, message: done }' }),
      ['roles: must be a map of keys, not nothing', 'messages: must be a map of keys, not a list'],
    ],
    [
      'nothing where text is needed',
      runbook({ head: 'runbook: 1\nid: small\ntitle:‸' }),
      ['title: must be text, not nothing'],
    ],
    [
      'a list where a map is needed',
      runbook({ rollback: 'rollback: ‸[]' }),
      ['rollback: must be a map of keys (approver, estimate, steps, restore), not a list'],
    ],
  ];
  test.each(cases)('%s', (_, written, messages) => expectProblems(written, messages));

  test('a syntax error is one problem with its place', () => {
    const [problem, ...more] = problemsOf('runbook: 1\ntitle: "open\n');
    expect(more).toEqual([]);
    expect(problem).toMatch(/^runbook\.yaml:3:1: YAML: Missing closing "quote/);
  });

  test('an empty file', () => expect(problemsOf('')).toEqual(['runbook.yaml:1:1: must be a map of keys, not nothing']));

  test.each([
    ['lists in lists', '['],
    ['lists in block lists', '- '],
    ['maps in maps', '{a: '],
    ['keys that are maps', '? '],
  ])('%s, a hundred thousand deep, are refused instead of ending the process', (_, opening) => {
    const [problem, ...more] = problemsOf(opening.repeat(100_000));
    expect(more).toEqual([]);
    expect(problem).toMatch(/^runbook\.yaml:1:\d+: nests deeper than 40 levels/);
  });
});

describe('times', () => {
  const row = (id: string, at: string, estimate: string) =>
    `- { id: ${id}, title: T, at: ${at}, estimate: ${estimate}, owner: dev }`;
  const timeline = (...rows: string[]) => runbook({ timeline: `timeline:\n${rows.join('\n')}` });
  const cases: [string, string, string[]][] = [
    [
      'a row that runs into the next',
      timeline(row('a', '"02:00"', '1h'), row('b', '‸"02:30"', '30m')),
      ["'b' starts at 02:30, but what is above it takes until 03:00 by its estimates"],
    ],
    [
      'estimates that do not fit the window',
      timeline(row('a', '"02:00"', '1h'), row('b', '"03:00"', '‸2h')),
      ["'b' takes until 05:00 by its estimate, 60 min after the window closes at 04:00"],
    ],
    [
      'steps that take longer than their activity',
      runbook({
        timeline:
          'timeline:\n- { id: a, title: A, at: "02:00", estimate: ‸1h, owner: dev, steps: [{ id: n, kind: notify, title: N, messages: [done], for_each: tables, estimate: 40m }] }',
      }),
      ["the steps of 'a' add up to 80 min, more than its own 60 min"],
    ],
    [
      'a row outside the window',
      timeline(row('a', '‸"05:00"', '1h')),
      ['05:00 lies outside the window, which is open from 02:00 to 04:00 UTC'],
    ],
    [
      'rows out of order',
      timeline(row('a', '"03:00"', '30m'), row('b', '‸"02:00"', '30m')),
      ["'b' is planned before the activity above it; put the timeline in order"],
    ],
    [
      'preparing after the opening',
      runbook({ rest: `prepare:\n${row('p', '‸+1h', '1h')}` }),
      ['what is done to prepare is planned before the opening, like -48h, not +1h'],
    ],
    [
      'a rhythm without a pause',
      runbook({
        rest: 'status: { every: ‸0s, message: done }\nwatches: [{ id: w, title: W, every: ‸0s, request: { id: r, url: "http://x" } }]',
      }),
      ["every: '0s' must be longer than 0", "every: '0s' must be longer than 0"],
    ],
  ];
  test.each(cases)('%s', (_, written, messages) => expectProblems(written, messages));

  test('a window past midnight is one window', () => {
    const window = 'window: { opens: 2025-11-10T23:00:00Z, closes: 2025-11-11T01:00:00Z }';
    expect(
      problemsOf(
        runbook({ window, timeline: `timeline:\n${row('a', '"23:00"', '1h')}\n${row('b', '"00:00"', '1h')}` }),
      ),
    ).toEqual([]);
  });
});
