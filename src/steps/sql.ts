import { recorded } from '../postgres/ledger.ts';
import type { Result } from '../run/events.ts';
import type { Kind } from './kind.ts';
import { runFiles } from './run-file.ts';
import { commit } from './world.ts';

/** Files of statements, all in one transaction. Whether it happened is a look at the ledger. */
export const sql: Kind<'sql'> = {
  async perform(step, act, world) {
    const before = await recorded<Result>(world.pool, world.run, step.id);
    if (before !== undefined) return { finished: before };
    const result = await commit(world, step, act, '', async (client): Promise<Result> => {
      const counts = await runFiles(client, world, step, step.files);
      const rows = counts.reduce((sum, count) => sum + count, 0);
      return {
        summary: `${counts.length} ${counts.length === 1 ? 'statement' : 'statements'} committed`,
        facts: { statements: counts.length, rows },
      };
    });
    return { finished: result };
  },

  async verify(step, _act, world) {
    const result = await recorded<Result>(world.pool, world.run, step.id);
    return result === undefined ? { found: 'not-done' } : { found: 'done', result };
  },
};
