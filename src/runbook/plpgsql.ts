import create from '@libpg-query/parser/wasm/libpg-query.js';
import { tokens } from './sql-lexer.ts';
import { SqlSyntaxError, type Statement, statements, type Tree, within } from './sql-parser.ts';

const parser = await create();

/** What PL/pgSQL's own parser says of one CREATE FUNCTION or DO; undefined when it is content. */
function complaint(sql: string): string | undefined {
  const size = parser.lengthBytesUTF8(sql) + 1;
  const given = parser._malloc(size);
  parser.stringToUTF8(sql, given, size);
  const answer = parser._wasm_parse_plpgsql(given);
  const text = parser.UTF8ToString(answer);
  parser._wasm_free_string(answer);
  parser._free(given);
  return text.startsWith('{') ? undefined : text;
}

/** The body of a function, procedure or DO block, with its language in small letters; undefined for other statements. */
function bodyOf(tree: Tree): { language: string; body: string } | undefined {
  const options = within(tree, 'CreateFunctionStmt', 'options') ?? within(tree, 'DoStmt', 'args');
  if (!Array.isArray(options)) return undefined;
  const argument = (name: string): unknown =>
    within(
      options.find((each: unknown) => within(each, 'DefElem', 'defname') === name),
      'DefElem',
      'arg',
    );
  const language = within(argument('language'), 'String', 'sval') ?? 'plpgsql';
  const body = within(argument('as'), 'List', 'items', 0, 'String', 'sval') ?? within(argument('as'), 'String', 'sval');
  return typeof body === 'string' && typeof language === 'string'
    ? { language: language.toLowerCase(), body }
    : undefined;
}

/**
 * Parses the body of a function, procedure or DO block in its own language, which CREATE FUNCTION's own parser takes for a
 * mere string.
 * @param whole the text the statement was cut from, which the offset of an error is in
 * @throws SqlSyntaxError at the place of the mistake, or, in a body that is not dollar-quoted, at the body's beginning
 */
export function parseBody({ text, tree, offset }: Statement, whole: string): void {
  const found = bodyOf(tree);
  if (found === undefined) return;
  const verbatim = text.indexOf(found.body);
  const start = verbatim >= 0 ? verbatim : Math.max(0, text.indexOf("'"));
  const fail = (inBody: number, message: string, options?: ErrorOptions): never => {
    throw new SqlSyntaxError(whole, offset + start + (verbatim >= 0 ? inBody : 0), message, options);
  };
  if (found.language === 'sql') {
    try {
      statements(found.body);
    } catch (cause) {
      if (!(cause instanceof SqlSyntaxError)) throw cause;
      fail(cause.offset, cause.message, { cause });
    }
  }
  if (found.language !== 'plpgsql') return;
  const wrong = complaint(text);
  if (wrong !== undefined) fail(verbatim >= 0 ? whereabouts(text, start, found.body, wrong) : 0, wrong);
}

/**
 * The parser says what is wrong and not where. It reads from left to right and stops at the first mistake, so the shortest
 * beginning of the body with the same complaint ends just after it; the word that is complained of is the last such there.
 */
function whereabouts(text: string, start: number, body: string, wrong: string): number {
  const ends = [...tokens(body)].filter(({ kind }) => kind !== 'blank').map(({ end }) => end);
  const rest = text.slice(start + body.length);
  const complains = (end: number | undefined) => complaint(text.slice(0, start) + body.slice(0, end) + rest) === wrong;
  let [low, high] = [0, ends.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (complains(ends[middle])) high = middle;
    else low = middle + 1;
  }
  const upTo = body.slice(0, ends[low]);
  const word = /(?:at or near )?"([^"]+)"/.exec(wrong)?.[1];
  const near = word === undefined ? -1 : upTo.toLowerCase().lastIndexOf(word.toLowerCase());
  if (near >= 0) return near;
  return [...tokens(upTo)].findLast(({ kind }) => kind !== 'blank')?.start ?? 0;
}
