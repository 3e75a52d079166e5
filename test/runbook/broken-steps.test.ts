import { describe, expect, test } from 'vitest';
import { problemsOf, runbook } from './document.ts';
import { expectProblems, marked } from './marked.ts';

describe('steps', () => {
  const step = (text: string) => runbook({ steps: `  - ${text}` });
  const files = { 'q.sql': 'select 1', 'a/q.sql': 'select 1', 'p.sql': 'create policy p on t' };
  const cases: [string, string, string[]][] = [
    [
      'a check that could not fail',
      step('{ id: c, kind: check, title: C, ‸sql: q.sql }'),
      ['needs `expect`, or it could not fail'],
    ],
    [
      'an id that every object has',
      step('{ id: ‸constructor, kind: check, title: C, sql: q.sql, expect: { rows: 1 } }'),
      ["id: 'constructor' cannot be an id; choose another word"],
    ],
    [
      'two files of rows that would be kept as one',
      step('{ id: s, kind: sql, title: S, files: [q.sql], undo: { export: [q.sql, ‸a/q.sql], files: [q.sql] } }'),
      ['would be kept in the same file as the one of this name above'],
    ],
    [
      'a table without its policies',
      step('‸{ id: p, kind: policies, title: P, tables: tables }'),
      ['needs `file`, the policies of a, b, whose items name none of their own'],
    ],
    [
      'what else becomes of policies that are kept anyway',
      step(
        '{ id: p, kind: policies, title: P, tables: tables, file: p.sql, verdicts: [{ verdict: keep, name: a, otherwise: ‸drop }] }',
      ),
      ['otherwise: is only for policies that are to be replaced'],
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
      'access that no step compares',
      step('{ id: c, kind: check, title: C, access: ‸elsewhere }'),
      ["there is no step 'elsewhere' of kind policies that has `access`"],
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
      ['a check needs something to look at: sql, command, catalog, rows or access'],
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
      'a request to what is no address',
      step("{ id: h, kind: http, title: H, requests: [{ id: a, url: ‸'app.example.com/health' }] }"),
      ["'app.example.com/health' is no address; write it like https://app.example.com/health"],
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
          '- { id: base, kind: http, title: B, requests: [{ id: login, url: "http://x" }] }',
          '- { id: later, kind: http, title: L, against: base, within: { times: 2 }, requests: [{ id: ‸logn, url: "http://x" }] }',
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

test('signals of a backfill that mean nothing', () => {
  const slowing = (signals: string) =>
    runbook({
      rest: 'watches: [{ id: app, title: App, every: 1s, request: { id: r, url: "http://x" } }]',
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
