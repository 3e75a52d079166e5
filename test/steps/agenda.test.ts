import { setImmediate as soon } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Agenda, type Topic } from '../../src/steps/backfill/agenda.ts';

it('hands every piece of every round out once, whoever comes, leaves, or is slow', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.array(fc.nat(4), { maxLength: 3 }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 4 }),
      async (scheduler, plan, workers) => {
        const given: string[] = [];
        const left: Record<number, number> = {};
        const topics = plan.map((rounds, at): Topic<string> => {
          let round = -1;
          return {
            open: scheduler.scheduleFunction(async () => {
              expect(left[at] ?? 0).toBe(0);
              round += 1;
              const count = rounds[round];
              if (count === undefined) return undefined;
              left[at] = count;
              return Array.from({ length: count }, (_, i) => `${at}/${round}/${i}`);
            }),
          };
        });
        const agenda = new Agenda(topics);
        const work = async (gives: boolean) => {
          let back = gives;
          for (let taken = await agenda.take(); taken !== undefined; taken = await agenda.take()) {
            await scheduler.schedule(soon());
            if (back) agenda.giveBack(taken.topic, taken.piece);
            else {
              given.push(taken.piece);
              const at = Number(taken.piece.split('/')[0]);
              left[at] = (left[at] ?? 0) - 1;
              await agenda.through(taken.topic);
            }
            back = false;
          }
        };
        await scheduler.waitFor(Promise.all(Array.from({ length: workers }, (_, i) => work(i > 0))));
        const all = plan.flatMap((rounds, at) =>
          rounds.flatMap((count, round) => Array.from({ length: count }, (_, i) => `${at}/${round}/${i}`)),
        );
        expect(given.toSorted()).toEqual(all.toSorted());
      },
    ),
  );
});
