import { describe, expect, test } from 'vitest';
import { marked, problemsOf, runbook } from './document.ts';

/** A document with marks where its problems are, and what is said at each, in the order of the text. */
function expectProblems(written: string, messages: string[], files: Record<string, string> = {}): void {
  const { text, places } = marked(written);
  expect(places, 'a mark for each message').toHaveLength(messages.length);
  expect(problemsOf(text, files)).toEqual(messages.map((message, i) => `runbook.yaml:${places[i]}: ${message}`));
}

const decision = (id: string, more = '') =>
  `- { id: ${id}, kind: decision, title: D, question: Q?, options: [{ choose: go, says: On, effect: proceed }, { choose: stop, says: Off, effect: abort }]${more} }`;

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
      'tabs, of which alone is spoken',
      runbook({ rest: 'risks:\n‸\t- id: r\n‸\t  says: R' }),
      ['indent with spaces; YAML does not allow tabs here', 'indent with spaces; YAML does not allow tabs here'],
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
      ['rollback: must be a map of keys, not a list'],
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

describe('names', () => {
  const cases: [string, string, string[]][] = [
    [
      'a step twice, in another phase',
      runbook({
        steps: decision('one'),
        rest: 'after:\n- { id: later, title: L, at: +1h, owner: dev, steps: [{ id: ‸one, kind: notify, title: N, messages: [done] }] }',
      }),
      ["the id 'one' is already that of another step"],
    ],
    [
      'an unknown list',
      runbook({ steps: '  - { id: s, kind: notify, title: S, messages: [done], for_each: ‸table }' }),
      ["there is no list 'table'; did you mean 'tables'?"],
    ],
    [
      'a list called like something every object has',
      runbook({ steps: '  - { id: s, kind: notify, title: S, messages: [done], for_each: ‸constructor }' }),
      ["there is no list 'constructor'"],
    ],
    [
      'people who have to answer, of whom nobody is named',
      runbook({
        roles: 'roles: { dev: { title: Developer }, qa: { title: QA, people: [] } }',
        steps: [
          '- { id: s, kind: signoff, title: S, role: ‸dev, statement: Done }',
          decision('d', ', who: [‸dev, ‸qa]'),
        ].join('\n'),
        rollback: 'rollback: { approver: ‸qa }',
      }),
      ['dev', 'dev', 'qa', 'qa'].map(
        (role) => `nobody is named as '${role}', who has to answer here; give the role its people`,
      ),
    ],
    [
      'letters that have changed places',
      runbook({ rest: 'rehearsal: { settings: {}, ‸asnwers: {} }' }),
      ["'asnwers' is not known here; did you mean 'answers'?"],
    ],
    [
      'a step called like the question before a rollback',
      runbook({ steps: decision('‸rollback') }),
      ["'rollback' is the question before the way back; name this one otherwise"],
    ],
    [
      'who mails are from and go to',
      runbook({
        rest: [
          'mail: { from: ‸Operations, reply_to: ‸"{{settings.app_url}}\\nBcc: a@b.example" }',
          'audiences: { all: { addresses: [‸"a@b.example\\nBcc: c@d.example"] } }',
        ].join('\n'),
      }),
      [
        "from: 'Operations' is no sender; write it like Operations <ops@example.com>",
        "reply_to: '{{settings.app_url}}\\nBcc: a@b.example' is no mail address; write one, or {{settings.…}}",
        "'a@b.example\\nBcc: c@d.example' is not a mail address",
      ],
    ],
    [
      'an unknown message and audience',
      runbook({
        messages:
          'messages: { done: { mail: ‸everyone, subject: S, body: B } }\nmail: { from: a@b.example }\naudiences: { everybody: { addresses: [a@b.example] } }',
        steps: '  - { id: s, kind: notify, title: S, messages: [‸don] }',
      }),
      ["there is no audience 'everyone'; did you mean 'everybody'?", "there is no message 'don'; did you mean 'done'?"],
    ],
    [
      'an item without a name, and one twice',
      runbook({ lists: 'lists: { tables: [‸{ schema: public }, { name: a }, { name: ‸a }] }' }),
      ['an item needs a name; steps repeated for it are called by it', "'public.a' is already in this list"],
    ],
    [
      'lists of lists',
      runbook({
        lists:
          'lists: { tables: [{ name: a }, { name: b }], all: [tables, ‸tables], odd: [‸all, ‸tabels, { name: c }] }',
      }),
      [
        "'public.a' is already in this list",
        "'all' names other lists itself; name those here",
        "there is no list 'tabels'; did you mean 'tables'?",
      ],
    ],
    [
      'steps of criteria and risks',
      runbook({
        steps: decision('one'),
        rest: 'success: [{ id: c, says: C, steps: [‸onee] }]\nrisks: [{ id: r, says: R, impact: I, probability: P, mitigation: M, tripwire: { step: ‸two, over: 1h } }]',
      }),
      ["there is no step 'onee'; did you mean 'one'?", "there is no step 'two'"],
    ],
    [
      'a decision that comes later',
      runbook({
        steps: `  - { id: s, kind: notify, title: S, messages: [done], when: { decision: ‸d, chose: [go] } }\n  ${decision('d')}`,
      }),
      ["'d' comes later in the timeline; name one before this step"],
    ],
    [
      'a choice that a decision does not offer',
      runbook({
        steps: `  ${decision('d')}\n  - { id: s, kind: notify, title: S, messages: [done], when: { decision: d, chose: [go, ‸stpo] } }`,
      }),
      ["'d' does not offer 'stpo'; did you mean 'stop'?"],
    ],
    [
      'a decision that is none',
      runbook({
        steps:
          '  - { id: n, kind: notify, title: N, messages: [done] }\n  - { id: s, kind: notify, title: S, messages: [done], when: { decision: ‸n, chose: [go] } }',
      }),
      ["'n' is a notify step; a decision or signoff is needed here"],
    ],
    [
      'a choice after a later failure that does not try again',
      runbook({
        steps: `  - { id: s, kind: notify, title: S, messages: [done], when: { decision: m, chose: [more, ‸stop] } }
  - { id: m, kind: manual, title: M, items: [I], on_failure: [{ choose: more, says: S, effect: retry }, { choose: stop, says: S, effect: abort }] }`,
      }),
      ["'m' does not offer 'stop'; it offers more"],
    ],
    [
      'a decision asked once for each',
      runbook({
        steps: `  ${decision('d', ', for_each: tables')}\n  - { id: s, kind: notify, title: S, messages: [done], when: { decision: ‸d, chose: [go] } }`,
      }),
      ["'d' is asked once for each of 'tables'; it has no one answer"],
    ],
    [
      'comparing with what nobody remembered',
      runbook({ steps: '  - { id: c, kind: check, title: C, catalog: ‸compare }' }),
      ['no earlier step remembers the catalog to compare with'],
    ],
    [
      'a decision that decides whether it is asked',
      runbook({ steps: decision('d', ', when: { decision: ‸d, chose: [go] }') }),
      ["'d' is this step itself; name one before this step"],
    ],
    [
      'an answer by somebody who may not give it',
      runbook({
        steps: '- { id: s, kind: signoff, title: S, role: qa, statement: Done }',
        rest: 'rehearsal: { answers: { s: { choose: sign, as: ‸dev } } }',
      }),
      ["'s' is for qa to answer, not for dev"],
    ],
    [
      'an answer to nothing, and one that is not offered',
      runbook({
        steps: decision('d'),
        rest: 'rehearsal: { answers: { ‸e: { choose: go, as: dev }, d: { choose: ‸gone, as: dev }, d.failed: { choose: retry, as: dev } } }',
      }),
      ["nothing asks 'e'; did you mean 'd'?", "'d' does not offer 'gone'; did you mean 'go'?"],
    ],
  ];
  test.each(cases)('%s', (_, written, messages) => expectProblems(written, messages));
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
        rest: 'status: { every: ‸0s, message: done }\nwatches: [{ id: w, title: W, every: ‸0s, request: { id: r, url: x } }]',
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

describe('steps', () => {
  const step = (text: string) => runbook({ steps: `  - ${text}` });
  const files = { 'q.sql': 'select 1', 'p.sql': 'create policy p on t' };
  const cases: [string, string, string[]][] = [
    [
      'a check that could not fail',
      step('{ id: c, kind: check, title: C, ‸sql: q.sql }'),
      ['needs `expect`, or it could not fail'],
    ],
    [
      'a table without its policies',
      step('‸{ id: p, kind: policies, title: P, tables: tables }'),
      ['needs `file`, the policies of a, b, whose items name none of their own'],
    ],
    [
      'a verdict on policies that are not named, and one of half a policy',
      step(
        '{ id: p, kind: policies, title: P, tables: tables, file: p.sql, verdicts: [‸{ verdict: keep }, { verdict: drop, ‸expresion: [a] }] }',
      ),
      [
        'matches every policy; say which: name, command, role or expression',
        "'expresion' is not known here; did you mean 'expression'?",
      ],
    ],
    [
      'what is kept within nothing',
      step(
        "{ id: p, kind: policies, title: P, tables: tables, file: p.sql, verdicts: [{ verdict: ‸keep-within, name: '*' }] }",
      ),
      ['needs `within` in this step, the SQL condition it is kept within'],
    ],
    [
      'a condition that would come apart in brackets',
      step('{ id: p, kind: policies, title: P, tables: tables, file: p.sql, within: ‸"a = 1) or (b" }'),
      ['is not a condition: syntax error at or near ")"'],
    ],
    [
      'expectations that nothing could fail or nothing could meet',
      step('{ id: c, kind: check, title: C, sql: q.sql, expect: { rows: ‸{ at_least: 2, at_most: 1 }, value: ‸{} } }'),
      ['rows: at_least is more than at_most; nothing is both', 'value: is empty; it could not fail'],
    ],
    [
      'no time at all, and more than a calendar holds',
      step('{ id: c, kind: sql, title: C, files: [q.sql], timeout: ‸0s, estimate: ‸99999999999999h }'),
      ["timeout: '0s' must be longer than 0", "estimate: '99999999999999h' is longer than a year"],
    ],
    [
      'SQL where the name of its file goes',
      step('{ id: c, kind: check, title: C, sql: ‸"select 1,\\n  2", expect: { rows: 1 } }'),
      ['select 1,\\n  2 is not among the files of this runbook; SQL goes into a file of its own, which is named here'],
    ],
    [
      'a password in an address',
      runbook({ settings: 'settings: { app_url: ‸"https://probe:hunter2@app.example" }' }),
      ['holds a password for everybody to read; write {{env.NAME}} where it is used'],
    ],
    [
      'braces that would be shown',
      runbook({ messages: "messages: { done: { status: completed, body: ‸'{{percent}} of {{ window date }}' } }" }),
      ["'{{ window date }}' is not a placeholder and would be shown as it stands; write {{name}}"],
    ],
    [
      'a check of nothing',
      step('‸{ id: c, kind: check, title: C }'),
      ['a check needs something to look at: sql, command, catalog or rows'],
    ],
    [
      'a prompt without a way out',
      step('{ id: d, kind: decision, title: D, question: Q, options: ‸[{ choose: again, says: A, effect: retry }] }'),
      ['every option tries again; offer a way out, such as abort'],
    ],
    [
      'an exception without a reason',
      step(
        '{ id: c, kind: check, title: C, catalog: remember, on_failure: [‸{ choose: fine, says: F, effect: accept }] }',
      ),
      ['accepting a failure needs `reason: true`; the report says why'],
    ],
    [
      'an option twice',
      step(
        '{ id: d, kind: decision, title: D, question: Q, options: [{ choose: a, says: A, effect: abort }, { choose: ‸a, says: B, effect: proceed }] }',
      ),
      ["'a' is already there in this step"],
    ],
    [
      'a regular expression that is none',
      step("{ id: c, kind: command, title: C, run: [ls], expect: { matches: ‸'(' } }"),
      ['not a regular expression: /(/: Unterminated group'],
    ],
    [
      'placeholders that name nothing',
      step(
        "{ id: c, kind: command, title: ‸'{{item.name}}', run: [ls, ‸'{{settings.app_uri}}', '{{env.TOKEN}}'], note: ‸'{{env.TOKEN}}' }",
      ),
      [
        '{{item.name}} stands for nothing here; it needs `for_each`, and a list whose every item has that field',
        "{{settings.app_uri}} stands for nothing here; did you mean 'settings.app_url'?",
        '{{env.TOKEN}} is a secret and would be shown here; secrets only go into commands, requests and vars',
      ],
    ],
    [
      'a request that uses what only a later one captures',
      step(
        "{ id: h, kind: http, title: H, requests: [{ id: a, url: ‸'{{token}}', capture: { token: t } }, { id: b, url: '{{token}}' }] }",
      ),
      ['{{token}} stands for nothing here'],
    ],
    [
      'a comparison with what the baseline never asked',
      runbook({
        steps: [
          '- { id: base, kind: http, title: B, requests: [{ id: login, url: x }] }',
          '- { id: later, kind: http, title: L, against: base, within: { times: 2 }, requests: [{ id: ‸logn, url: x }] }',
        ].join('\n'),
      }),
      ["'base' has no request 'logn' to compare with; did you mean 'login'?"],
    ],
    [
      'a secret in a message',
      runbook({ messages: "messages: { done: { status: completed, body: ‸'{{env.TOKEN}}' } }" }),
      ['{{env.TOKEN}} is a secret and would be shown here; secrets only go into commands, requests and vars'],
    ],
    [
      'a message with a name it does not know',
      runbook({ messages: "messages: { done: { status: completed, body: ‸'{{percentage}} of {{percent}}' } }" }),
      ["{{percentage}} stands for nothing here; did you mean 'percent'?"],
    ],
  ];
  test.each(cases)('%s', (_, written, messages) => expectProblems(written, messages, files));
});

describe('SQL', () => {
  const sql = (text: string, more = '') => {
    const { text: clean, places } = marked(text);
    const found = problemsOf(runbook({ steps: `  - { id: s, kind: sql, title: S, files: [w.sql]${more} }` }), {
      'w.sql': clean,
    });
    return { found, at: places.map((place) => `w.sql:${place}: `) };
  };
  const cases: [string, string, string][] = [
    [
      'a syntax error, behind wide characters',
      "select 'é🦒';\nselect 'é🦒' frm ‸clients;",
      'syntax error at or near "clients"',
    ],
    ['a syntax error behind a variable', `select :'long_name', ‸from x;`, 'syntax error at or near "from"'],
    ['an open string', `select 1;\nselect ‸'open;`, `unterminated quoted string at or near "'open;"`],
    [
      'a statement of PL/pgSQL',
      'create function f() returns int language plpgsql as $$\nbegin\n  perform 1;\n  ‸retrun 1;\nend $$;',
      'syntax error at or near "retrun"',
    ],
    [
      'SQL inside PL/pgSQL, the second of two alike',
      'do $$\nbegin\n  perform 1 from a;\n  perform 2 from ‸from b;\nend $$;',
      'syntax error at or near "from"',
    ],
    [
      'a variable PL/pgSQL does not know',
      'do $$\ndeclare a int;\nbegin\n  a := 1;\n  ‸b := 1;\nend $$;',
      '"b" is not a known variable',
    ],
    [
      'a body in SQL',
      'create function f() returns int language sql as $$\n  select 1 +‸;\n$$;',
      'syntax error at or near ";"',
    ],
    [
      'a psql command',
      'select 1;\n‸\\set x 1',
      'psql commands (\\…) are not SQL; give values with `psql -v name=value -f` when running by hand',
    ],
    [
      'a commit of its own',
      'select 1;\n‸commit;',
      'the program begins and commits; take this statement out (by hand: psql -1)',
    ],
    [
      'what no transaction allows',
      '‸create index concurrently on a (b);',
      'cannot be run inside a transaction; an index step builds indexes concurrently',
    ],
    ['nothing at all', '‸-- to be written', 'holds no statement'],
  ];
  test.each(cases)('%s', (_, text, message) => {
    const { found, at } = sql(text, ', vars: { long_name: x }');
    expect(found).toEqual([at[0] + message]);
  });

  test('a variable that has no value is a problem of the step', () => {
    expectProblems(
      runbook({ steps: '- { id: s, kind: sql, title: S, files: [‸w.sql], vars: { table: x } }' }),
      [
        "w.sql:2: the SQL asks for the variable 'tabel', which has no value here (known here: app_url, table); did you mean 'table'?",
      ],
      { 'w.sql': "select 1;\nselect :'tabel'" },
    );
  });

  test('a field that one item lacks is a problem of that item, once', () => {
    expectProblems(
      runbook({
        lists: 'lists: { tables: [{ name: a, schema: public }, ‸{ name: b }], all: [tables] }',
        steps: [
          "- { id: s, kind: sql, title: '{{item.schema}}', for_each: tables, files: [w.sql] }",
          "- { id: a, kind: sql, title: '{{item.schema}}', for_each: all, files: [w.sql] }",
          '- { id: d, kind: manual, title: D, items: [look], tables: tables, evidence: [e.sql, e.sql] }',
        ].join('\n'),
      }),
      ["this item has no 'schema', which steps ask for and others have"],
      { 'w.sql': 'select 1', 'e.sql': "select :'schema'" },
    );
  });

  test('an isolation step speaks of actors and tables that it has', () => {
    const of = 'kind: isolation, title: I, tables: tables, actors: w.sql, own: w.sql, row: w.sql, may: { owner: [] }';
    const names = [
      'except: { ‸clients: {}, a: { ‸owners: [] } }',
      'samples: { ‸deals: w.sql }',
      'prepare: { ‸guest: w.sql }',
      'attacks: [{ file: w.sql, by: [‸ower] }]',
    ];
    expectProblems(
      runbook({ steps: `- { id: i, ${of}, ${names.join(', ')} }` }),
      [
        "there is no table 'clients' in this step",
        "there is no actor 'owners' in this step; did you mean 'owner'?",
        "there is no table 'deals' in this step",
        "there is no actor 'guest' in this step",
        "there is no actor 'ower' in this step; did you mean 'owner'?",
      ],
      { 'w.sql': 'select 1' },
    );
  });

  test('columns of the people and fields of the items are variables', () => {
    const steps =
      '  - { id: i, kind: isolation, title: I, tables: tables, actors: who.sql, own: own.sql, row: who.sql, may: { a: [] } }';
    const files = {
      'who.sql': 'select id as actor, \'{}\' as claims, id from :"schema".:"name"',
      'own.sql': "select :'id', :\"owner\", :'actr'",
    };
    expect(problemsOf(runbook({ steps }), files)).toEqual([expect.stringContaining("variable 'actr'")]);
  });
});

test('signals of a backfill that mean nothing', () => {
  const slowing = (signals: string) =>
    runbook({
      rest: 'watches: [{ id: app, title: App, every: 1s, request: { id: r, url: x } }]',
      steps: `  - { id: s, kind: backfill, title: S, tables: tables, file: q.sql, remaining: q.sql, slow_down: { ${signals} } }`,
    });
  const files = { 'q.sql': 'select 1;' };
  expectProblems(
    slowing('application: { watch: ‸ap, times: 2 }'),
    ["there is no watch 'ap'; did you mean 'app'?"],
    files,
  );
  expectProblems(
    slowing('application: ‸{ watch: app }, wal: ‸64MB'),
    ['application: needs times, at_most or both', "wal: '64MB' is not a rate; write it like 64MB/s"],
    files,
  );
});
