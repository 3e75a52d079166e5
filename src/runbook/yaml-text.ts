import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  Lexer,
  LineCounter,
  Parser,
  parseDocument,
  visit,
  type YAMLParseError,
  type Document as YamlDocument,
} from 'yaml';
import { asTyped, type Problem, placeOf } from './problems.ts';
import type { SourceFile } from './schema.ts';

/** A runbook nests about ten deep. The parser's composer recurses, and aborts the process on some 20,000. */
const MAX_DEPTH = 40;

/** Keys and positions from the root of the document: `['timeline', 2, 'steps', 0, 'sql']`. */
export type Path = (string | number)[];

/** The YAML text as plain values, and where each of them stands. */
export interface YamlText {
  value: unknown;
  problems: Problem[];
  /** A problem at the value of this path, or at its key; at the nearest parent when there is no such place. */
  at(path: Path, message: string, part?: 'key' | 'value'): Problem;
}

/** Where the text first nests deeper than allowed; undefined when it does not. Looks at tokens only. */
function tooDeep(text: string): number | undefined {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme));
    if (parser.stack.length > MAX_DEPTH) return parser.offset;
  }
  return undefined;
}

const WORDS: Partial<Record<string, string>> = {
  DUPLICATE_KEY: 'this key is already there, further up in the same map',
  NON_STRING_KEY: 'a key is a plain word; put it in quotes if it is meant to be one',
  MULTIPLE_DOCS: 'a runbook is one YAML document; remove the line --- and what follows it',
  BLOCK_AS_IMPLICIT_KEY:
    'stands deeper than what is beside it, or has a colon and a space in its text; indent it alike, or put the text in quotes',
  MULTILINE_IMPLICIT_KEY: 'lacks its colon; write key: value',
  TAB_AS_INDENT: 'indent with spaces; YAML does not allow tabs here',
};

/** Parses YAML without aliases, tags or merges, and never throws: what is wrong is in `problems`. */
export function parseYaml(source: SourceFile): YamlText {
  const { text } = source;
  const file = asTyped(source.path);
  const problem = (offset: number, message: string): Problem => ({ file, ...placeOf(text, offset), message });

  const deep = tooDeep(text);
  if (deep !== undefined) {
    const problems = [problem(deep, `nests deeper than ${MAX_DEPTH} levels; a runbook never needs that`)];
    return { value: undefined, problems, at: (_path, message) => problem(0, message) };
  }

  const document = parseDocument(text, {
    prettyErrors: false,
    lineCounter: new LineCounter(),
    stringKeys: true,
    resolveKnownTags: false,
  });
  const problems = [...telling(document.errors), ...document.warnings].map(({ code, message, pos }) =>
    problem(pos[0], WORDS[code] ?? `YAML: ${message}`),
  );
  // As YAML 1.1, `yes` and `on` would be truth values and dates would not be text.
  if (document.directives?.yaml.explicit && document.directives.yaml.version !== '1.2')
    problems.push(problem(0, 'a runbook is YAML 1.2; remove the line %YAML'));
  visit(document, {
    Pair: (_key, { key }) => {
      if (isScalar(key) && key.value === '__proto__')
        problems.push(problem(key.range?.[0] ?? 0, "'__proto__' cannot be a name"));
    },
    Alias: (_key, alias) => {
      problems.push(problem(alias.range?.[0] ?? 0, `*${alias.source} stands for text elsewhere; write it out here`));
    },
  });
  return {
    value: problems.length > 0 ? undefined : document.toJS({ maxAliasCount: 0 }),
    problems,
    at: (path, message, part = 'value') => problem(offsetOf(document, path, part), message),
  };
}

/** Of a place only the first. What has words of its own is right by itself; of the rest, and where tabs indent, the first alone: the others follow from it. */
function telling(errors: readonly YAMLParseError[]): YAMLParseError[] {
  const apart = errors.filter(({ pos }, i) => errors.findIndex((other) => other.pos[0] === pos[0]) === i);
  const tabs = apart.filter(({ code }) => code === 'TAB_AS_INDENT');
  if (tabs.length > 0) return tabs;
  const first = apart.findIndex(({ code }) => WORDS[code] === undefined);
  return first < 0 ? apart : apart.slice(0, first + 1);
}

function offsetOf(document: YamlDocument, path: Path, part: 'key' | 'value'): number {
  const parent = path.length === 0 ? undefined : document.getIn(path.slice(0, -1), true);
  if (part === 'key' && isMap(parent)) {
    const pair = parent.items.find(({ key }) => (isNode(key) && 'value' in key ? key.value : key) === path.at(-1));
    if (isNode(pair?.key) && pair.key.range) return pair.key.range[0];
  }
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range && !isAlias(node)) return node.range[0];
  }
  return 0;
}
