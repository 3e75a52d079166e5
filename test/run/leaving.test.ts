import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { standing } from '../../src/cli/standing.ts';
import { perform, resolveDoubt, type Stage } from '../../src/run/acting.ts';
import { wallClock } from '../../src/run/clock.ts';
import { Conductor } from '../../src/run/conductor.ts';
import { foldAll } from '../../src/run/fold/fold.ts';
import type { Journal } from '../../src/run/journal/journal.ts';
import { openSqliteJournal } from '../../src/run/journal/sqlite.ts';
import { makeSqliteJournal } from '../../src/run/journal/sqlite-file.ts';
import type { Outbox } from '../../src/run/outbox.ts';
import type { Performer } from '../../src/run/performer.ts';
import { Scribe } from '../../src/run/scribe.ts';
import { findStep } from '../../src/runbook/plan.ts';
import { night } from './night.ts';

const by = { name: 'Ada', role: 'dev' };

async function openedNight(): Promise<Journal> {
  const folder = await mkdtemp(join(tmpdir(), 'leaving-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'run.sqlite');
  makeSqliteJournal(path);
  const file = await openSqliteJournal(path);
  onTestFinished(() => file.close());
  const { sources, opens } = night;
  const people = { dev: ['Ada'] };
  await file.append('opener', opens, [
    { type: 'run-opened', run: 'night', sources, opens, settings: {}, rehearsal: false, by, people },
  ]);
  return file;
}

async function stageOf(journal: Journal, performer: Partial<Performer>): Promise<Stage> {
  return {
    runbook: night,
    scribe: await Scribe.open(journal, await journal.acquire(), () => wallClock),
    performer: performer as Performer,
    failing: new Set<string>(),
    afterWait: async () => undefined,
    leaving: new AbortController(),
  };
}

const table = findStep(night, 'table')?.step ?? expect.fail('The night makes a table.');

it('a conductor that is told to leave while it puts an act on record does not begin it', async () => {
  const file = await openedNight();
  const told = new Error('told to end');
  const journal: Journal = {
    ...file,
    append: async (writer, at, events) => {
      const written = await file.append(writer, at, events);
      if (events.some(({ type }) => type === 'step-begun')) stage.leaving.abort(told);
      return written;
    },
  };
  let begun = false;
  const stage = await stageOf(journal, {
    perform: async () => {
      begun = true;
      return { finished: { summary: 'done' } };
    },
  });
  await expect(perform(stage, table, 1)).rejects.toBe(told);
  expect(begun).toBe(false);
  expect(stage.scribe.state.steps.table?.status).toBe('running');
});

it('a conductor that is stopped while it waits to find out about a step leaves it in doubt, and does not fail', async () => {
  const journal = await openedNight();
  const stage = await stageOf(journal, {
    verify: async (_, { signal }) => {
      await stage.scribe.log([{ type: 'requested', request: 'stop', by }]);
      await delay(60_000, undefined, { signal });
      return { found: 'not-done' };
    },
  });
  await stage.scribe.log([{ type: 'step-begun', step: 'table', attempt: 1 }]);
  await resolveDoubt(stage, table, 1);
  expect(stage.scribe.state.steps.table?.status).toBe('running');
});

it('what a watch has counted last is on record when its conductor leaves, also when that was told to', async () => {
  const journal = await openedNight();
  const lease = await journal.acquire();
  const leaving = new AbortController();
  const started = Promise.withResolvers<void>();
  const counted = { asked: 7, failed: 0, downMs: 0, p50Ms: 1, p99Ms: 2 };
  await journal.append({ lease }, night.opens, [{ type: 'window-began' }]);
  const conductor = await Conductor.open({
    journal,
    lease,
    by,
    runbook: night,
    performer: {
      bind: async () => null,
      perform: async (_, { signal }) => {
        await delay(60_000, undefined, { signal });
        return { asks: { summary: 'never' } };
      },
      explain: () => ({ name: 'Error', message: 'told to end' }),
    } satisfies Partial<Performer> as Partial<Performer> as Performer,
    outbox: { due: () => [] } as Partial<Outbox> as Outbox,
    watchers: [
      {
        id: 'app',
        start: (_, onSample) => {
          started.resolve();
          return { stop: async () => onSample(counted) };
        },
      },
    ],
    clock: () => wallClock,
    wait: true,
    failing: new Set(),
    signal: leaving.signal,
  });
  const conducting = conductor.conduct();
  await started.promise;
  const told = new Error('told to end');
  leaving.abort(told);
  await expect(conducting).rejects.toBe(told);
  expect((await journal.read(0)).slice(-2).map(({ event }) => event)).toEqual([
    { type: 'watch-sampled', watch: 'app', ...counted },
    { type: 'conductor-left', why: 'told to end' },
  ]);
});

it('who has put on record that it leaves is at work on the run no longer, though it holds the lease still', async () => {
  const journal = await openedNight();
  const lease = await journal.acquire();
  const stands = async () =>
    standing(journal, night, foldAll(null, await journal.read(0)) ?? expect.fail('Nothing is on record.'));
  expect(await stands(), 'not on record yet').toContain('The run goes on');
  const { host, pid, token } = lease;
  await journal.append({ lease }, night.opens, [{ type: 'conductor-started', host, pid, token, by }]);
  expect(await stands()).toContain('The run goes on');
  await journal.append({ lease }, night.opens, [{ type: 'conductor-left', why: 'told to' }]);
  expect(await stands()).toContain('nobody is at work on it');
});
