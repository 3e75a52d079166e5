import { access, mkdir, open, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { PoolClient } from 'pg';
import { askInBatches } from '../postgres/ask.ts';
import type { Act } from '../run/performer.ts';
import { bind } from '../runbook/sql-file.ts';
import type { Step } from '../runbook/step-schema.ts';
import { rolledBack } from './rolled-back.ts';
import { located } from './run-file.ts';
import { source, variables, type World } from './world.ts';

/** What was to be kept before an undo could not be written to disk; nothing has been undone. */
export class ExportFailed extends Error {
  readonly advice: string;
  constructor(path: string, cause: unknown) {
    super(`${path} could not be written: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'ExportFailed';
    this.advice = 'Make room there, or let this account write there; then retry. Nothing of this step has been undone.';
  }
}

/**
 * Keeps what an undo is about to destroy: the rows of the queries under `undo.export`, each as a CSV file of its own that
 * `\copy … from … csv header` reads back. All of a step are of one moment. Only the owner may read them.
 * @returns in words, how much was kept where
 * @throws ExportFailed, StatementFailed
 */
export async function exportRows(step: Step, act: Act, world: World): Promise<string[]> {
  const queries = step.undo?.export ?? [];
  if (queries.length === 0) return [];
  return rolledBack(world, step, act, 'read only', async (client) => {
    const kept: string[] = [];
    for (const query of queries) {
      const path = pathOf(world, step, query);
      const rows = await exportOne(client, world, step, query, path);
      kept.push(`kept ${rows} ${rows === 1 ? 'row' : 'rows'} in ${path}`);
    }
    return kept;
  });
}

/** What an earlier try at the same undo has kept, in words. */
export async function exportedBefore(step: Step, world: World): Promise<string[]> {
  const kept: string[] = [];
  for (const query of step.undo?.export ?? []) {
    const path = pathOf(world, step, query);
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) kept.push(`kept before in ${path}`);
  }
  return kept;
}

/** A name for each step and query; an item of a list may be called anything. */
function pathOf(world: World, step: Step, query: string): string {
  return join(world.exports, `${encodeURIComponent(step.id)}.${basename(query, '.sql')}.csv`);
}

/** Nobody finds half a file: it gets its name once it is whole, and on disk. */
async function exportOne(client: PoolClient, world: World, step: Step, query: string, path: string): Promise<number> {
  const { text, values } = bind(source(world, query).text, variables(world, 'vars' in step ? step.vars : {}));
  const disk = <T>(work: Promise<T>): Promise<T> =>
    work.catch((cause: unknown) => {
      throw new ExportFailed(path, cause);
    });
  await disk(mkdir(dirname(path), { recursive: true, mode: 0o700 }));
  const file = await disk(open(`${path}.part`, 'w', 0o600));
  try {
    let count = 0;
    let begun = false;
    for await (const { columns, rows } of askInBatches(client, text, values)) {
      await disk(file.appendFile(csv(begun ? rows : [columns, ...rows])));
      begun = true;
      count += rows.length;
    }
    await disk(file.sync());
    await disk(rename(`${path}.part`, path));
    return count;
  } catch (cause) {
    throw cause instanceof ExportFailed ? cause : located(query, 1, text, cause);
  } finally {
    await file.close();
  }
}

/** PostgreSQL's CSV: NULL is empty, every value is quoted. */
function csv(rows: (string | null)[][]): string {
  const field = (value: string | null) => (value === null ? '' : `"${value.replaceAll('"', '""')}"`);
  return rows.map((row) => `${row.map(field).join(',')}\n`).join('');
}
