import type { Outbox } from '../../src/run/outbox.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

/** One message at the opening and one at the end; the way to them is bad. */
export function outboxOf(world: World, random: Random): Outbox {
  return {
    due: ({ windowBeganAt, outcome, messages }, _outlook, now) =>
      [...(windowBeganAt === null ? [] : ['begun']), ...(outcome ? ['over'] : [])]
        .filter((id) => messages[id] === undefined)
        .map((id) => ({ id, message: id, channel: 'mail' as const, body: '', dueAt: now })),
    deliver: async () => {
      await world.takes(4_000);
      if (random.chance(0.3)) throw new Error('The mail server is away.');
      return { recipients: 1, detail: '' };
    },
    explain: () => ({ failure: { name: 'Away', message: 'away' }, retryInMs: 1_000 }),
    close: async () => undefined,
  };
}
