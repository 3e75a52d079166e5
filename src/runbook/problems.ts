import { isAbsolute, relative } from 'node:path';

/** Something wrong with a runbook or a file it names. `file` as a person would type it; `line` and `column` from 1. */
export interface Problem {
  file: string;
  line: number;
  column: number;
  message: string;
}

/** The runbook cannot be used as it is. Holds everything that is wrong with it, in the order of the text. */
export class RunbookInvalid extends Error {
  readonly problems: Problem[];
  constructor(problems: Problem[]) {
    const sorted = inOrder(problems);
    super(sorted.map(problemLine).join('\n'));
    this.name = 'RunbookInvalid';
    this.problems = sorted;
  }
}

/** `file:line:column: words`, as editors and terminals link it. */
export function problemLine({ file, line, column, message }: Problem): string {
  return `${file}:${line}:${column}: ${message}`;
}

/** Problems in the order of the text, file by file, each once. */
function inOrder(problems: Problem[]): Problem[] {
  const once = new Map(problems.map((problem) => [problemLine(problem), problem]));
  const files = [...new Set(problems.map(({ file }) => file))];
  return [...once.values()].sort(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  );
}

/** Line and column, from 1, of an offset in UTF-16 units. A column is a character, not a unit. */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: [...(before.at(-1) ?? '')].length + 1 };
}

/** A path as it reads from here: relative when it lies below the working directory. */
export function asTyped(path: string): string {
  const near = relative(process.cwd(), path);
  return near === '' || near.startsWith('..') || isAbsolute(near) ? path : near;
}
