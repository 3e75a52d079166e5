import { escapeIdentifier } from 'pg';
import type { Document, Item } from './schema.ts';
import { SqlSyntaxError, statements, within } from './sql-parser.ts';
import type { StepOf } from './step-schema.ts';
import { COMMANDS } from './target-steps.ts';
import { fill } from './template.ts';

export type PolicyRule = StepOf<'policies'>['verdicts'][number];
/** What becomes of a policy that is there already. */
export type Verdict = PolicyRule['verdict'];
export type Command = (typeof COMMANDS)[number];

/**
 * A pattern of a rule as a regular expression that JavaScript (with the flag `s`) and PostgreSQL read alike: `*` stands for
 * any text, `{{item.…}}` for that identifier, quoted or not, `{{settings.…}}` for its text.
 */
export function patternOf(pattern: string, item: Item, settings: Document['settings']): string {
  const parts = fill(pattern, { settings }, 'keep')
    .split(/(\*|\{\{\s*item\.[\w.-]+\s*\}\})/)
    .map((part) => {
      if (part === '*') return '.*';
      const field = /^\{\{\s*item\.([\w.-]+)\s*\}\}$/.exec(part)?.[1];
      const name = field !== undefined && Object.hasOwn(item, field) ? item[field] : undefined;
      return name === undefined ? literally(part) : `(?:${literally(name)}|${literally(escapeIdentifier(name))})`;
    });
  return `^${parts.join('')}$`;
}

const literally = (text: string) => text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');

/** What the CREATE POLICY statements of a file are for. A file that is no SQL makes nothing; that is told elsewhere. */
export const commandsMade = (sql: string): Set<Command> => new Set(policiesMade(sql).map(({ command }) => command));

/** The policies that the CREATE POLICY statements of a file make. */
export function policiesMade(sql: string): { name: string; command: Command }[] {
  try {
    return statements(sql).flatMap(({ tree }) => {
      const [command, name] = ['cmd_name', 'policy_name'].map((part) => within(tree, 'CreatePolicyStmt', part));
      return isCommand(command) ? [{ name: String(name), command }] : [];
    });
  } catch (error) {
    if (error instanceof SqlSyntaxError) return [];
    throw error;
  }
}

const isCommand = (value: unknown): value is Command => COMMANDS.some((command) => command === value);

/** For which of a policy's commands no new one is: with that policy gone, nobody might do them any more. */
export function notMade(made: ReadonlySet<Command>, command: Command): Command[] {
  if (made.has('all')) return [];
  const needed: Command[] = command === 'all' ? ['select', 'insert', 'update', 'delete'] : [command];
  return needed.filter((each) => !made.has(each));
}
