import { loadModule, scanSync } from '@libpg-query/parser';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bind, MissingVariable, render, statements, variablesOf } from '../../src/runbook/sql-file.ts';
import { tokens } from '../../src/runbook/sql-lexer.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const VARS = { name: 'clients', value: "it's", empty: '' };

describe('variables are filled in as psql does', () => {
  test.each([
    [`select :'value', :"name", :name`, `select 'it''s', "clients", clients`],
    ['select id::text, a[1:2], x := y', 'select id::text, a[1:2], x := y'],
    [
      `select ':name', ":name", e'\\':name', $$:name$$, $a$ $$ :name $a$ -- :name`,
      `select ':name', ":name", e'\\':name', $$:name$$, $a$ $$ :name $a$ -- :name`,
    ],
    ['/* :name /* :name */ :name */ :name', '/* :name /* :name */ :name */ clients'],
    [`select 'open ''quote :name', :name`, `select 'open ''quote :name', clients`],
    ['select a$b$ :name', 'select a$b$ clients'],
    [`select :'empty'||:'value''s'`, `select ''||'it''s''s'`],
  ])('%s', (sql, filled) => expect(render(sql, VARS)).toBe(filled));

  test('a value is not looked at again', () => {
    expect(render(':a', { a: ":'b' :b", b: 'no' })).toBe(":'b' :b");
  });

  test('one without a value is an error that says where, and what there is', () => {
    expect(() => render("select :'vlaue'", VARS)).toThrow(MissingVariable);
    expect(() => render("select :'vlaue'", VARS)).toThrow(
      /'vlaue'.*known here: name, value, empty.*did you mean 'value'/,
    );
    expect(() => render('select :constructor', VARS)).toThrow(MissingVariable);
  });

  test('bound values become parameters, each of its own', () => {
    expect(bind(`select :'a', :'b', :'a' from :"t"`, { a: '1', b: '2', t: 'x' })).toEqual({
      text: 'select $1, $2, $3 from "x"',
      values: ['1', '2', '1'],
    });
  });
});

describe('what is quoted stays as it is', () => {
  beforeAll(loadModule);

  const pieces = fc.constantFrom(
    ...[
      "'",
      '"',
      '$$',
      '$t$',
      '$',
      '--',
      '/*',
      '*/',
      '\n',
      ' ',
      ':',
      '::',
      ':x',
      ":'x'",
      ':"x"',
      "e'",
      '\\',
      "''",
      'é',
      '🦒',
      'a',
      '1',
      ';',
      '(',
      'select',
    ],
  );

  test("our scanner and PostgreSQL's agree on strings, names and comments wherever both can read the text", () => {
    let agreed = 0;
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const sql = parts.join('');
        // Variables are psql's alone.
        fc.pre(variablesOf(sql).length === 0 && sql.trim() !== '');
        const theirs = serverTokens(sql);
        fc.pre(theirs !== undefined);
        const ours = [...tokens(sql)].filter(({ start }) => /^(?:'|"|\$[^\d]|e'|--|\/\*)/.test(sql.slice(start)));
        for (const { start, end } of theirs ?? []) {
          // The server joins strings on two lines, and 'a''b' is two for us: neither moves the end of what is quoted.
          expect(ours.some((each) => each.start === start)).toBe(true);
          expect(ours.some((each) => each.end === end)).toBe(true);
        }
        agreed += 1;
      }),
      { numRuns: 3_000 },
    );
    expect(agreed).toBeGreaterThan(500);
  });

  /** Quoted tokens and comments as the server's scanner cuts them, in UTF-16 offsets; undefined when it cannot. */
  function serverTokens(sql: string): { start: number; end: number }[] | undefined {
    const bytes = Buffer.from(sql);
    const at = (offset: number) => bytes.subarray(0, offset).toString().length;
    try {
      return scanSync(sql)
        .tokens.filter(({ tokenName, text }) => /CONST|COMMENT/.test(tokenName) || text.startsWith('"'))
        .filter(({ text }) => !/^[\d.]/.test(text))
        .map(({ start, end }) => ({ start: at(start), end: at(end) }));
    } catch {
      return undefined;
    }
  }

  test('quoting a text keeps every variable in it', () => {
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        const tag = `$q${text.length}$`;
        for (const quoted of [
          `'${text.replaceAll("'", "''")}'`,
          `"${text.replaceAll('"', '""')}"`,
          `${tag}${text}${tag}`,
        ]) {
          expect(render(`select ${quoted}, :x`, { x: '1' })).toBe(`select ${quoted}, 1`);
        }
      }),
    );
  });
});

describe('statements', () => {
  test('are cut by the parser, not at semicolons, and know their line', () => {
    const sql = [
      '-- é🦒',
      "select ';é🦒';",
      '/* ; */ create function f() returns int begin atomic select 1; select 2; end;',
      '',
      'do $$ begin perform 1; end $$',
    ].join('\n');
    expect(statements(sql).map(({ text, line }) => [line, text])).toEqual([
      [2, "select ';é🦒'"],
      [3, 'create function f() returns int begin atomic select 1; select 2; end'],
      [5, 'do $$ begin perform 1; end $$'],
    ]);
    expect(statements(' -- nothing\n')).toEqual([]);
  });
});

describe('on a server', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());

  test('values come back as they were, as literal, as bound value and as identifier', async () => {
    const client = await database.client();
    const value = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: fc.constantFrom("'", '"', '\\', ':', '$', ';', '\n', 'é', '🦒') }),
    );
    await fc.assert(
      fc.asyncProperty(
        value.filter((it) => !it.includes('\0') && it.isWellFormed()),
        async (it) => {
          const column = it === '' || Buffer.byteLength(it) > 63 ? 'x' : it;
          const { rows } = await client.query(
            render(`select :'it' as :"column", :'column' as "", :x`.replace('as ""', 'as b'), { it, column, x: '1' }),
          );
          expect(Object.values(rows[0])).toContain(it);
          expect(Object.keys(rows[0])).toContain(column);
          const { text, values } = bind("select :'it'::text as it", { it });
          expect((await client.query(text, values)).rows).toEqual([{ it }]);
        },
      ),
      { numRuns: 150 },
    );
  });
});
