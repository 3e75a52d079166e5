import { list, strings } from './parse-tree.ts';
import type { Runbook } from './plan.ts';
import { filesOf } from './psql-script.ts';
import { MissingVariable, render, type Statement, statements } from './sql-file.ts';
import { within } from './sql-parser.ts';

/** Names, without their schemas, of what the steps of a runbook make: tables, columns, functions, indexes and the like. */
export function madeNames(runbook: Runbook): Set<string> {
  const names = new Set<string>();
  for (const step of runbook.activities.flatMap(({ steps }) => steps)) {
    for (const { file, vars, use } of filesOf(runbook, step)) {
      if (use !== 'work') continue;
      for (const statement of parsed(runbook.sources.files[file]?.text ?? '', vars)) {
        for (const name of madeBy(statement)) names.add(name);
      }
    }
    if (step.kind === 'index') for (const { vars } of filesOf(runbook, step)) names.add(vars.index ?? '');
  }
  names.delete('');
  return names;
}

function parsed(text: string, vars: Record<string, string>): Statement[] {
  try {
    return statements(render(text, vars));
  } catch (error) {
    // Values that are only known when it runs: it makes nothing by their names.
    if (error instanceof MissingVariable) return [];
    throw error;
  }
}

/** Where a statement that makes something has its name. */
const NAMES: Record<string, (string | number)[]> = {
  CreateStmt: ['relation', 'relname'],
  CreateTableAsStmt: ['into', 'rel', 'relname'],
  CreateSchemaStmt: ['schemaname'],
  CreateSeqStmt: ['sequence', 'relname'],
  CompositeTypeStmt: ['typevar', 'relname'],
  ViewStmt: ['view', 'relname'],
  IndexStmt: ['idxname'],
  CreateRoleStmt: ['role'],
};

/** Where it has a list of names, the last of which is its own. */
const LISTS: Record<string, string> = {
  CreateFunctionStmt: 'funcname',
  CreateEnumStmt: 'typeName',
  CreateDomainStmt: 'domainname',
};

function madeBy({ tree }: Statement): string[] {
  return Object.entries(tree).flatMap(([type, node]) => {
    if (type === 'AlterTableStmt') {
      return list(node, 'cmds').map((each) =>
        String(within(each, 'AlterTableCmd', 'def', 'ColumnDef', 'colname') ?? ''),
      );
    }
    const name = within(node, ...(NAMES[type] ?? ['']));
    return typeof name === 'string' ? [name] : strings(list(node, LISTS[type] ?? '')).slice(-1);
  });
}
