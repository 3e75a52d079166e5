import { setTimeout as delay } from 'node:timers/promises';
import { type Held, hold, isKept, TRACED_COMMIT } from '../held.ts';
import { type Kind, type Outcome, some, tried } from '../kind.ts';
import type { Lab } from '../lab.ts';
import { openProxy } from '../proxy.ts';

/** When, around a COMMIT, the server is killed, and whether it has to have kept it then. */
interface Moment {
  says: string;
  at: 'before' | 'sent' | 'answered';
  held?: Held;
  keeps: boolean;
}

const MOMENTS: Moment[] = [
  { says: 'before COMMIT', at: 'before', keeps: false },
  { says: 'in COMMIT, its record not written', at: 'sent', held: 'unwritten', keeps: false },
  { says: 'in COMMIT, its record written', at: 'sent', held: 'written', keeps: true },
  { says: 'after COMMIT', at: 'answered', keeps: true },
];

/** The server is killed (SIGKILL, all of it) before, during and after a COMMIT, and started again. One at a time: it is one server. */
export const servers: Kind = async ({ lab, random, full }, onOutcome) => {
  for (let i = full ? 10 : 1; i > 0; i -= 1) {
    for (const moment of full ? MOMENTS : some(MOMENTS.slice(1, 3), 1, random)) {
      onOutcome(await killedAt(lab, moment, random.between(1, lab.line.commits), random.between(0, 1_500)));
    }
  }
};

/** @param awayMs how long it stays away */
async function killedAt(lab: Lab, moment: Moment, commit: number, awayMs: number): Promise<Outcome> {
  const { server } = lab;
  const { says, at, held, keeps } = moment;
  const wrong: string[] = [];
  const outcome = await tried(lab, `server killed ${says}, COMMIT ${commit}`, async (trial) => {
    await using holding = held && (await hold(server, trial.database, held));
    let back: Promise<void> | undefined;
    await using proxy = await openProxy(server.env, { commit, at, as: TRACED_COMMIT }, async () => {
      wrong.push(...((await holding?.reached()) ?? []));
      await server.kill();
      back = delay(awayMs).then(() => server.start());
    });
    await trial.ended(trial.start('', { ...proxy.env, PGDATABASE: trial.database }));
    await back;
    if (proxy.cut && (await isKept(server, trial.database)) !== keeps)
      wrong.push(`the COMMIT was ${keeps ? 'lost' : 'kept'}`);
    return proxy.cut ? 1 : 0;
  });
  return { ...outcome, sort: says, wrong: [...outcome.wrong, ...wrong] };
}
