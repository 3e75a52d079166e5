import { type Announced, type LockMode, locked } from './lock-modes.ts';
import { announce } from './locks.ts';
import { relation } from './parse-tree.ts';
import { itemsOf, type Runbook } from './plan.ts';
import { placeOf } from './problems.ts';
import { filesOf } from './psql-script.ts';
import { MissingVariable, rendered, statements } from './sql-file.ts';
import type { StepFile } from './step-files.ts';
import type { Step } from './step-schema.ts';

/** A statement that is going to lock something, and where it stands: `file` and `line` are absent for the program's own. */
export interface StatementLocks extends Announced {
  undo: boolean;
  file?: string;
  line?: number;
  /** The item of the step's list that the file is run for. */
  of?: string | undefined;
}

/**
 * What each statement of a file is going to lock, with its variables filled in; none for a file whose values are only
 * known when it runs. Locks on what the same transaction has made are left out: nobody can see that yet.
 */
function fileLocks({ sources }: Runbook, { file, vars, use, of }: StepFile, made: Set<string>): StatementLocks[] {
  const text = sources.files[file]?.text ?? '';
  const filled = renderedOrNot(text, vars);
  if (filled === undefined) return [];
  return statements(filled.text).map((statement) => {
    const found = announce(statement);
    if (found.makes !== undefined) made.add(found.makes);
    const locks = found.locks.filter(({ mode, on }) => !made.has(on) && mode !== 'ACCESS SHARE');
    const { line } = placeOf(text, filled.origin(statement.offset));
    const { long, ...brief } = found;
    return { ...brief, locks, ...(long && locks.length > 0 && { long }), undo: use === 'undo', file, line, of };
  });
}

function renderedOrNot(text: string, vars: StepFile['vars']): ReturnType<typeof rendered> | undefined {
  try {
    return rendered(text, vars);
  } catch (error) {
    if (error instanceof MissingVariable) return undefined;
    throw error;
  }
}

/** Everything a planned step is going to lock: by its files, and by what the program does itself. */
export function stepLocks(runbook: Runbook, step: Step): StatementLocks[] {
  // The files of these are each a transaction of their own; those of other steps share one, and so do undos.
  const apart = step.kind === 'policies' || step.kind === 'backfill' || step.kind === 'index';
  const made = { work: new Set<string>(), undo: new Set<string>() };
  const files = filesOf(runbook, step).filter(({ use }) => use === 'work' || use === 'undo');
  return [
    ...files.flatMap((file) =>
      fileLocks(runbook, file, file.use === 'undo' ? made.undo : apart ? new Set() : made.work),
    ),
    ...own(runbook, step),
  ].filter(({ locks, unknown, patient }) => locks.length > 0 || unknown !== undefined || patient);
}

/** What kinds of step lock by statements of the program's own. */
function own(runbook: Runbook, step: Step): StatementLocks[] {
  const tables = itemsOf(runbook, 'tables' in step ? step.tables : undefined).map((item) =>
    relation({ schemaname: item.schema ?? 'public', relname: item.name ?? '' }),
  );
  const each = (statement: string, mode: LockMode, undo: boolean): StatementLocks[] =>
    tables.map((table) => ({ statement, locks: locked(mode, table), undo }));
  switch (step.kind) {
    case 'policies':
      return [
        ...each('DROP POLICY', 'ACCESS EXCLUSIVE', false),
        ...each('CREATE and DROP POLICY', 'ACCESS EXCLUSIVE', true),
      ];
    case 'index':
      return [
        {
          statement: 'CREATE INDEX … ON ONLY, ATTACH PARTITION',
          locks: [
            ...locked('SHARE', 'the partitioned tables'),
            ...locked('ACCESS EXCLUSIVE', 'the new indexes of partitions'),
          ],
          undo: false,
        },
        ...each('DROP INDEX CONCURRENTLY', 'SHARE UPDATE EXCLUSIVE', true),
        {
          statement: 'DROP INDEX',
          locks: locked('ACCESS EXCLUSIVE', 'the partitioned tables', 'the partitions'),
          undo: true,
        },
      ];
    case 'check': {
      if (step.rows === undefined) return [];
      const watch = each('CREATE TRIGGER (watches the rows)', 'SHARE ROW EXCLUSIVE', step.rows === 'compare');
      return [...watch, ...each('DROP TRIGGER (ends the watch)', 'ACCESS EXCLUSIVE', step.rows === 'remember')];
    }
    case 'command':
      return [
        { statement: 'a program', locks: [], unknown: 'what it does to a database is not looked into', undo: false },
      ];
    default:
      return [];
  }
}
