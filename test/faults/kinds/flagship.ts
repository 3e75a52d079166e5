import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { localArchive } from '../../../src/cli/local-archive.ts';
import { answerPrepared } from '../../../src/cli/prepared-answers.ts';
import { openRun, stateOf } from '../../../src/cli/runs.ts';
import { tableOf } from '../../../src/postgres/tables.ts';
import { startRehearsal } from '../../../src/rehearsal/rehearsal.ts';
import { itemsOf } from '../../../src/runbook/plan.ts';
import { parseRunbook, readSources } from '../../../src/runbook/sources.ts';
import type { Random } from '../../simulation/random.ts';
import { AS_LEFT, catalogOf, different, type End, rowsOf } from '../flagship-end.ts';
import type { Kind, Outcome } from '../kind.ts';
import type { Lab } from '../lab.ts';

const RUNBOOK = join(import.meta.dirname, '../../../runbook.yaml');
const ME = { name: 'Ada Marsh', role: 'backend' };
const ROWS = 2_000;
/** A run that is not over after this many conductors is taken to be stuck. */
const MOST_CONDUCTORS = 25;
/** From then on it is left alone. */
const MOST_KILLS = 15;

/** Rehearsals of the flagship, whose conductors are killed at random moments, compared row by row with one of which none was. */
export const flagship: Kind = async ({ lab, random }, onOutcome) => {
  const undisturbed = await rehearsed(lab, random, 0);
  for (let i = 3; i > 0; i -= 1) {
    const { outcome, end } = await rehearsed(lab, random, MOST_KILLS);
    onOutcome({
      ...outcome,
      wrong: [...undisturbed.outcome.wrong, ...outcome.wrong, ...different(end, undisturbed.end)],
    });
  }
};

async function rehearsed(lab: Lab, random: Random, kills: number): Promise<{ outcome: Outcome; end: End }> {
  const rehearsal = await startRehearsal({ rows: ROWS });
  const over = new AbortController();
  const waits: number[] = [];
  try {
    const sources = await readSources(RUNBOOK);
    const settings = { ...parseRunbook(sources).document.rehearsal.settings, ...rehearsal.settings };
    const runbook = parseRunbook(sources, { settings });
    const tables = itemsOf(runbook, 'secured').map(tableOf);
    const there = await rowsOf(rehearsal.env, tables, "''");
    const at = Math.min(...runbook.activities.map(({ startsAt }) => startsAt));
    const opening = { archive: localArchive(rehearsal.folder), runbook, run: 'flagship', by: ME, settings };
    const { journal } = await openRun({ ...opening, rehearsal: true, at });
    const { answers } = runbook.document.rehearsal;
    const prepared = { answers, reason: 'rehearsed', proof: 'rehearsal', otherwise: 'leave-it', by: ME } as const;
    const answering = answerPrepared({ journal, ...prepared, signal: over.signal });
    const folder = join(rehearsal.folder, 'flagship');
    let injected = 0;
    for (let nth = 1; nth <= MOST_CONDUCTORS && !stateOf(await journal.read(0))?.outcome; nth += 1) {
      const log = openSync(join(folder, 'conductor.log'), 'a');
      const flags = ['--report', folder, '--as', ME.role, '--name', ME.name];
      const child = spawn(process.execPath, [lab.program, 'conduct', folder, ...flags], {
        env: { PATH: process.env.PATH ?? '', HOME: folder, ...rehearsal.env },
        stdio: ['ignore', log, log],
      });
      closeSync(log);
      const ended = once(child, 'exit');
      if (nth <= kills) {
        const wait = random.between(600, 2_500);
        waits.push(wait);
        await Promise.race([delay(wait), ended]);
        child.kill('SIGKILL');
      }
      await ended;
      if (child.signalCode === 'SIGKILL') injected += 1;
    }
    over.abort();
    await answering;
    const records = await journal.read(0);
    const state = stateOf(records);
    await journal.close();
    const finished = records.flatMap(({ event }) => (event.type === 'step-finished' ? [event.step] : []));
    const twice = finished.filter((step, i) => finished.indexOf(step) !== i);
    const rows = Number(state?.steps['backfill-tables']?.result?.facts?.rows ?? 0);
    const wrong = [
      ...(state?.outcome?.outcome === 'done' ? [] : [`it is ${state?.outcome?.outcome ?? 'not over'}`]),
      ...(twice.length > 0 ? [`finished twice: ${twice.join(', ')}`] : []),
    ];
    const end = { there, rows: await rowsOf(rehearsal.env, tables, AS_LEFT), catalog: await catalogOf(rehearsal.env) };
    return {
      outcome: { fault: `killed after ${waits.join(', ')} ms`, injected, rows, steps: finished.length, wrong },
      end,
    };
  } finally {
    over.abort();
    await rehearsal.stop();
  }
}
