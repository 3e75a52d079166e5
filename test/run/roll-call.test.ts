import { expect, it } from 'vitest';
import { PRESENT_EVERY, RollCall } from '../../src/run/roll-call.ts';
import { ADA, GRACE } from './archive.ts';
import { Night } from './night.ts';

it('puts on record which terminals have gone without a word, once, and trusts no other clock than its own', async () => {
  const night = new Night();
  const said: Record<string, number> = {};
  const presences = async () => ({ ...said });
  const scribe = {
    get state() {
      return night.state;
    },
    log: async (events: Parameters<typeof night.happens>) => void night.happens(...events),
  };
  const calls = new RollCall(scribe, { presences });
  const here = () => Object.keys(night.state.terminals);
  let now = 1_000;
  /** Time passes, in which these have said that they are there. */
  const passes = async (terminals: string[]) => {
    for (const terminal of terminals) said[terminal] = (said[terminal] ?? 0) + 1;
    now += PRESENT_EVERY;
    await calls.round(now);
  };

  for (const [terminal, by] of [['bastion:1', ADA] as const, ['laptop:2', GRACE] as const]) {
    night.happens({ type: 'terminal-attached', terminal, by });
  }
  for (let i = 0; i < 5; i += 1) await passes(['bastion:1', 'laptop:2']);
  expect(here()).toEqual(['bastion:1', 'laptop:2']);
  for (let i = 0; i < 5; i += 1) await passes(['bastion:1']);
  expect(here()).toEqual(['bastion:1']);
  const gone = night.records.filter(({ event }) => event.type === 'terminal-left');
  expect(gone.map(({ event }) => event)).toEqual([
    { type: 'terminal-left', terminal: 'laptop:2', by: GRACE, silent: true },
  ]);

  // It comes back; then it is this conductor that is stopped for an hour: who speaks when it looks again is there.
  night.happens({ type: 'terminal-attached', terminal: 'laptop:2', by: GRACE });
  await passes(['bastion:1', 'laptop:2']);
  now += 3_600_000;
  await passes(['bastion:1', 'laptop:2']);
  expect(here()).toEqual(['bastion:1', 'laptop:2']);
});
