import { type Announced, locked } from './lock-modes.ts';
import { RULES } from './lock-rules.ts';
import { rowLocks } from './row-locks.ts';
import type { Statement } from './sql-parser.ts';

/** Statements that lock no table: they look, set something, or make and change what no table waits for. */
const HARMLESS = new Set([
  'SelectStmt',
  'VariableShowStmt',
  'ConstraintsSetStmt',
  'TransactionStmt',
  'DiscardStmt',
  'CreateFunctionStmt',
  'AlterFunctionStmt',
  'CreateSchemaStmt',
  'CreateEnumStmt',
  'AlterEnumStmt',
  'CompositeTypeStmt',
  'CreateRangeStmt',
  'CreateDomainStmt',
  'DefineStmt',
  'CreateSeqStmt',
  'CreateCastStmt',
  'AlterOwnerStmt',
  'CreateRoleStmt',
  'AlterRoleStmt',
  'AlterRoleSetStmt',
  'DropRoleStmt',
  'GrantRoleStmt',
  'GrantStmt',
  'AlterDefaultPrivilegesStmt',
  'AlterDatabaseSetStmt',
  'CreateEventTrigStmt',
  'AlterEventTrigStmt',
  'NotifyStmt',
  'ListenStmt',
  'CheckPointStmt',
]);

/**
 * What a statement is going to lock, as far as its text tells: heirs and partitions of a table are locked with it, and a
 * function that it calls may lock more. What is read is locked in ACCESS SHARE, which is not told.
 */
export function announce({ tree }: Pick<Statement, 'tree'>): Announced {
  const [type = '', node] = Object.entries(tree)[0] ?? [];
  const rule = Object.hasOwn(RULES, type) ? RULES[type] : undefined;
  if (rule !== undefined) return rule(node);
  const written = [...rowLocks(tree)];
  if (written.length > 0) {
    return {
      statement: written[0]?.statement ?? '',
      locks: written.flatMap(({ mode, table }) => locked(mode, table)),
    };
  }
  const statement = type
    .replace(/Stmt$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase();
  return { statement, locks: [], ...(!HARMLESS.has(type) && { unknown: 'it is not known here what it locks' }) };
}
