import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { perform } from '../../src/run/acting.ts';
import { wallClock } from '../../src/run/clock.ts';
import type { Journal } from '../../src/run/journal/journal.ts';
import { openSqliteJournal } from '../../src/run/journal/sqlite.ts';
import { makeSqliteJournal } from '../../src/run/journal/sqlite-file.ts';
import type { Performer } from '../../src/run/performer.ts';
import { Scribe } from '../../src/run/scribe.ts';
import { findStep } from '../../src/runbook/plan.ts';
import { night } from './night.ts';

it('a conductor that is told to leave while it puts an act on record does not begin it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'leaving-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'run.sqlite');
  makeSqliteJournal(path);
  const file = await openSqliteJournal(path);
  onTestFinished(() => file.close());
  const { sources, opens } = night;
  const by = { name: 'Ada', role: 'dev' };
  const people = { dev: ['Ada'] };
  await file.append('opener', opens, [
    { type: 'run-opened', run: 'night', sources, opens, settings: {}, rehearsal: false, by, people },
  ]);
  const leaving = new AbortController();
  const told = new Error('told to end');
  const journal: Journal = {
    ...file,
    append: async (writer, at, events) => {
      const written = await file.append(writer, at, events);
      if (events.some(({ type }) => type === 'step-begun')) leaving.abort(told);
      return written;
    },
  };
  const scribe = await Scribe.open(journal, await file.acquire(), () => wallClock);
  let begun = false;
  const performer: Partial<Performer> = {
    perform: async () => {
      begun = true;
      return { finished: { summary: 'done' } };
    },
  };
  const found = findStep(night, 'table');
  if (found === undefined) throw new Error('The night makes a table.');
  const stage = {
    runbook: night,
    scribe,
    performer: performer as Performer,
    failing: new Set<string>(),
    afterWait: async () => undefined,
    leaving,
  };
  await expect(perform(stage, found.step, 1)).rejects.toBe(told);
  expect(begun).toBe(false);
  expect(scribe.state.steps.table?.status).toBe('running');
});
