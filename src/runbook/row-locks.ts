import type { LockMode } from './lock-modes.ts';
import { list, relation } from './parse-tree.ts';
import { within } from './sql-parser.ts';

/** Statements that write rows, wherever in a statement they stand. */
const WRITES: Record<string, string> = {
  InsertStmt: 'INSERT',
  UpdateStmt: 'UPDATE',
  DeleteStmt: 'DELETE',
  MergeStmt: 'MERGE',
};

/** What a query or a change of rows, and the WITH queries in it, write or lock rows of. */
export function* rowLocks(tree: unknown): Generator<{ statement: string; mode: LockMode; table: string }> {
  if (typeof tree !== 'object' || tree === null) return;
  for (const [type, node] of Object.entries(tree)) {
    const statement = Object.hasOwn(WRITES, type) ? WRITES[type] : undefined;
    if (statement) yield { statement, mode: 'ROW EXCLUSIVE', table: relation(within(node, 'relation')) };
    if (type === 'SelectStmt' && within(node, 'lockingClause') !== undefined) {
      const named = list(node, 'lockingClause').flatMap((each) => list(each, 'LockingClause', 'lockedRels'));
      for (const table of fromClause(node, named))
        yield { statement: 'SELECT … FOR UPDATE or SHARE', mode: 'ROW SHARE', table };
    }
    yield* rowLocks(node);
  }
}

/** The tables a query reads from directly; those its locking clause names, by table or alias, if it names any. */
function fromClause(node: unknown, named: unknown[]): string[] {
  const wanted = named.map((each) => relation(within(each, 'RangeVar')));
  const tables = (item: unknown): unknown[] =>
    within(item, 'JoinExpr') === undefined
      ? [within(item, 'RangeVar') ?? []].flat()
      : [...tables(within(item, 'JoinExpr', 'larg')), ...tables(within(item, 'JoinExpr', 'rarg'))];
  return list(node, 'fromClause')
    .flatMap(tables)
    .filter(
      (each) => wanted.length === 0 || wanted.includes(String(within(each, 'alias', 'aliasname') ?? relation(each))),
    )
    .map(relation);
}
