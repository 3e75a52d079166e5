import { expect } from 'vitest';
import { problemsOf } from './document.ts';

/** The mark in a text that says: here. */
const HERE = '‸';

/** A text without its marks, and where they were, as `line:column`. */
export function marked(text: string): { text: string; places: string[] } {
  const places: string[] = [];
  const clean = text.split('\n').map((row, i) => {
    const parts = row.split(HERE);
    let column = 1;
    for (const part of parts.slice(0, -1)) {
      column += [...part].length;
      places.push(`${i + 1}:${column}`);
    }
    return parts.join('');
  });
  return { text: clean.join('\n'), places };
}

/** A document with marks where its problems are has these, each with what is said of it, in the order of the text. */
export function expectProblems(written: string, messages: string[], files: Record<string, string> = {}): void {
  const { text, places } = marked(written);
  expect(places, 'a mark for each message').toHaveLength(messages.length);
  expect(problemsOf(text, files)).toEqual(messages.map((message, i) => `runbook.yaml:${places[i]}: ${message}`));
}
