import { createHash } from 'node:crypto';
import type { Problem } from '../../src/runbook/problems.ts';
import { RunbookInvalid } from '../../src/runbook/problems.ts';
import type { SourceFile, Sources } from '../../src/runbook/schema.ts';
import { parseRunbook } from '../../src/runbook/sources.ts';

const source = (path: string, text: string): SourceFile => ({
  path,
  text,
  hash: createHash('sha256').update(text).digest('hex'),
});

/** Sources as if they had been read from a folder `/there`. */
export function sources(yaml: string, files: Record<string, string> = {}): Sources {
  return {
    yaml: source('/there/runbook.yaml', yaml),
    files: Object.fromEntries(Object.entries(files).map(([path, text]) => [path, source(path, text)])),
  };
}

/** What is wrong with it, as `file:line:column: message`; nothing when it is in order. */
export function problemsOf(yaml: string, files: Record<string, string> = {}): string[] {
  try {
    parseRunbook(sources(yaml, files));
    return [];
  } catch (error) {
    if (!(error instanceof RunbookInvalid)) throw error;
    return error.problems.map(line);
  }
}

const line = ({ file, line, column, message }: Problem) =>
  `${file.replace('/there/', '')}:${line}:${column}: ${message}`;

/** A decision between going on and stopping, as a step of a runbook. */
export const decision = (id: string, more = ''): string =>
  `- { id: ${id}, kind: decision, title: D, question: Q?, options: [{ choose: go, says: On, effect: proceed }, { choose: stop, says: Off, effect: abort }]${more} }`;

/** A small runbook that is in order. Parts can be exchanged, `steps` are those of its one activity, a line each. */
export function runbook(parts: Partial<Record<keyof typeof PARTS, string>> & { steps?: string } = {}): string {
  const { steps = '', ...rest } = parts;
  const listed = steps === '' ? '[]' : steps.split('\n').map((line) => `\n  ${line.trim()}`);
  return Object.values({ ...PARTS, ...rest })
    .join('\n')
    .replace('STEPS', () => [listed].flat().join(''));
}

const PARTS = {
  head: 'runbook: 1\nid: small\ntitle: Small',
  window: 'window: { opens: 2025-11-10T02:00:00Z, closes: 2025-11-10T04:00:00Z }',
  settings: 'settings: { app_url: "https://app.example" }',
  roles: 'roles: { dev: { title: Developer, people: [{ name: Dev }] }, qa: { title: QA, people: [{ name: Kim }] } }',
  lists: 'lists: { tables: [{ name: a, schema: public, owner: id }, { name: b, schema: public, owner: id }] }',
  messages: 'messages: { done: { status: completed, body: All done } }',
  timeline: 'timeline:\n- id: first\n  title: First\n  at: "02:00"\n  estimate: 1h\n  owner: dev\n  steps: STEPS',
  rollback: 'rollback: { approver: qa }',
  rest: '',
};
