import { expect, it } from 'vitest';
import { takeOver } from '../../src/cli/take-over.ts';
import { LeaseHeld } from '../../src/run/journal/journal.ts';
import { openSqliteJournal } from '../../src/run/journal/sqlite.ts';
import { ADA } from '../run/archive.ts';
import { OPENS, openTestRun } from '../ui/run.ts';

const never = new AbortController().signal;

it('waits for a conductor that is heard of again, and was asked to hand over, until it has left', async () => {
  const run = await openTestRun({ rehearsal: false });
  await using second = await openSqliteJournal(run.path).then((journal) => ({
    journal,
    [Symbol.asyncDispose]: () => journal.close(),
  }));
  await expect(takeOver(second.journal, never), 'it was not asked').rejects.toThrow(LeaseHeld);
  await run.journal.append('terminal', OPENS, [{ type: 'requested', request: 'take-over', by: ADA, reason: 'silent' }]);
  let taken = false;
  const taking = takeOver(second.journal, never).then((lease) => {
    taken = true;
    return lease;
  });
  const called = new AbortController();
  const calledOff = takeOver(second.journal, called.signal);
  called.abort(new Error('called off'));
  await expect(calledOff).rejects.toThrow('called off');
  expect(taken).toBe(false);
  await run.happens(OPENS, { type: 'conductor-left', why: 'handed over to Ada' });
  await run.dies();
  expect((await taking).token).toBeGreaterThan(1);
});
