import { expect, it } from 'vitest';
import { presentEvery, RollCall } from '../../src/run/roll-call.ts';
import { ADA, GRACE } from './archive.ts';
import { Night } from './night.ts';

/** A roll call, and what it hears. */
function hall() {
  const night = new Night();
  const said: Record<string, number> = {};
  const scribe = {
    get state() {
      return night.state;
    },
    log: async (events: Parameters<typeof night.happens>) => void night.happens(...events),
  };
  const calls = new RollCall(scribe, { presences: async () => ({ ...said }) });
  let now = 1_000;
  return {
    night,
    here: () => Object.keys(night.state.terminals),
    /** Time passes, at whose end these have said once more that they are there. */
    async passes(ms: number, terminals: string[]) {
      for (const terminal of terminals) said[terminal] = (said[terminal] ?? 0) + 1;
      now += ms;
      await calls.round(now);
    },
  };
}

it('puts on record which terminals have gone without a word, once, and trusts no other clock than its own', async () => {
  const { night, here, passes } = hall();
  const few = presentEvery(2);
  for (const [terminal, by] of [['bastion:1', ADA] as const, ['laptop:2', GRACE] as const]) {
    night.happens({ type: 'terminal-attached', terminal, by });
  }
  for (let i = 0; i < 5; i += 1) await passes(few, ['bastion:1', 'laptop:2']);
  expect(here()).toEqual(['bastion:1', 'laptop:2']);
  for (let i = 0; i < 5; i += 1) await passes(few, ['bastion:1']);
  expect(here()).toEqual(['bastion:1']);
  const gone = night.records.filter(({ event }) => event.type === 'terminal-left');
  expect(gone.map(({ event }) => event)).toEqual([
    { type: 'terminal-left', terminal: 'laptop:2', by: GRACE, silent: true },
  ]);

  // It comes back; then it is this conductor that is stopped for an hour: who speaks when it looks again is there.
  night.happens({ type: 'terminal-attached', terminal: 'laptop:2', by: GRACE });
  await passes(few, ['bastion:1', 'laptop:2']);
  await passes(3_600_000, ['bastion:1', 'laptop:2']);
  expect(here()).toEqual(['bastion:1', 'laptop:2']);
});

it('asks less often of a crowd, and of who was in one until they have spoken again', async () => {
  const { night, here, passes } = hall();
  const crowd = Array.from({ length: 50 }, (_, index) => `bastion:${index}`);
  for (const terminal of crowd) night.happens({ type: 'terminal-attached', terminal, by: ADA });
  const often = presentEvery(2);
  const rarely = presentEvery(50);
  expect(rarely).toBeGreaterThan(often);
  await passes(often, crowd);
  await passes(3 * often + 1, []);
  expect(here()).toEqual(crowd);

  // All but two leave; these two do not know of it before they next look.
  for (const terminal of crowd.slice(2)) night.happens({ type: 'terminal-left', terminal, by: ADA });
  await passes(3 * (rarely - often) - 1, []);
  expect(here()).toEqual(crowd.slice(0, 2));
  await passes(often, crowd.slice(0, 1));
  expect(here()).toEqual(crowd.slice(0, 1));
});
