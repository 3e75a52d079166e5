import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../simulation/random.ts';
import { hold, isKept, TRACED_COMMIT } from '../held.ts';
import { each, type Kind, type Outcome, tried } from '../kind.ts';
import type { Lab } from '../lab.ts';
import { type Cut, openProxy, type Way } from '../proxy.ts';
import { journalUrl, type Trial } from '../trial.ts';

const said = (cut: Cut) =>
  'way' in cut ? `cut after ${cut.bytes} bytes ${cut.way}` : `COMMIT ${cut.commit}, ${cut.at}`;

async function cutTried(lab: Lab, cut: Cut): Promise<Outcome> {
  const outcome = await tried(lab, `connection ${said(cut)}`, async (trial) => {
    await using proxy = await openProxy(lab.server.env, cut);
    await trial.ended(trial.start('', { ...proxy.env, PGDATABASE: trial.database }));
    return proxy.cut ? 1 : 0;
  });
  return { ...outcome, sort: 'way' in cut ? 'at a byte' : `COMMIT ${cut.at}` };
}

/** How long the COMMIT comes about after the cut, in ms, at the most. */
const LATEST = 1_000;

/** The connection is cut while the server is held in a COMMIT, which comes about later. */
async function late(lab: Lab, commit: number, afterMs: number): Promise<Outcome> {
  const wrong: string[] = [];
  const outcome = await tried(lab, `connection COMMIT ${commit}, ${afterMs} ms late`, async (trial) => {
    await using held = await hold(lab.server, trial.database, 'unwritten');
    let over: Promise<void> | undefined;
    const cut: Cut = { commit, at: 'sent', as: TRACED_COMMIT };
    await using proxy = await openProxy(lab.server.env, cut, async () => {
      wrong.push(...(await held.reached()));
      over = delay(afterMs).then(() => held.letGo());
    });
    await trial.ended(trial.start('', { ...proxy.env, PGDATABASE: trial.database }));
    await over;
    if (proxy.cut && !(await isKept(lab.server, trial.database))) wrong.push('the COMMIT did not come about');
    return proxy.cut ? 1 : 0;
  });
  return { ...outcome, sort: 'COMMIT late', wrong: [...outcome.wrong, ...wrong] };
}

const anyCommit = (random: Random, commits: number, at: Extract<Cut, { commit: number }>['at']): Cut => ({
  commit: random.between(1, commits),
  at,
});

/** The line to a journal that is kept in a database is cut once. */
async function cutOff(lab: Lab, cut: Cut): Promise<Outcome> {
  const befall = async (trial: Trial) => {
    await using proxy = await openProxy(lab.server.env, cut);
    await trial.ended(trial.start('', { RUNBOOK_JOURNAL: journalUrl(proxy.env) }));
    return proxy.cut ? 1 : 0;
  };
  return { ...(await tried(lab, `journal ${said(cut)}`, befall, { inDatabase: true })), sort: 'to the journal' };
}

/** The connection, to the target or to a journal, is cut once, at any byte of either way, and in and around COMMIT. */
export const connections: Kind = async ({ lab, random, full }, onOutcome) => {
  const { bytes, commits } = lab.line;
  const atByte = (way: Way): Cut => ({ way, bytes: random.between(1, Math.floor(bytes[way] * 0.9)) });
  const some = [atByte('back'), anyCommit(random, commits, 'answered')];
  const all = Array.from({ length: 15 }, (): Cut[] => [
    atByte('there'),
    atByte('back'),
    ...(['before', 'torn', 'sent', 'answered'] as const).map((at) => anyCommit(random, commits, at)),
  ]).flat();
  const ofJournal = Array.from({ length: full ? 30 : 1 }, (): Cut => {
    const way = random.of<Way>(['there', 'back']);
    return random.chance(0.5)
      ? { way, bytes: random.between(1, 30_000) }
      : anyCommit(random, lab.appends, random.of(['before', 'torn', 'sent', 'answered']));
  });
  await each(full ? all : some, async (cut) => onOutcome(await cutTried(lab, cut)));
  const lateBy = Array.from({ length: full ? 15 : 1 }, () => random.between(0, LATEST));
  await each(lateBy, async (ms) => onOutcome(await late(lab, random.between(1, commits), ms)));
  await each(ofJournal, async (cut) => onOutcome(await cutOff(lab, cut)));
};
