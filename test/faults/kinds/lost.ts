import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../simulation/random.ts';
import { each, type Kind, type Outcome, tried } from '../kind.ts';
import type { Lab } from '../lab.ts';
import { type Cut, openProxy, type Way } from '../proxy.ts';
import { journalUrl, type Trial } from '../trial.ts';

const said = (cut: Cut) =>
  'way' in cut ? `cut after ${cut.bytes} bytes ${cut.way}` : `COMMIT ${cut.commit}, ${cut.at}`;

function cutTried(lab: Lab, cut: Cut, what: string, onCut?: () => Promise<void>): Promise<Outcome> {
  return tried(lab, `${what} ${said(cut)}`, async (trial) => {
    await using proxy = await openProxy(lab.server.env, cut, onCut);
    await trial.ended(trial.start('', { ...proxy.env, PGDATABASE: trial.database }));
    return proxy.cut ? 1 : 0;
  });
}

const anyCommit = (random: Random, commits: number, at: Extract<Cut, { commit: number }>['at']): Cut => ({
  commit: random.between(1, commits),
  at,
});

/** The line to a journal that is kept in a database is cut once. */
function cutOff(lab: Lab, cut: Cut): Promise<Outcome> {
  const befall = async (trial: Trial) => {
    await using proxy = await openProxy(lab.server.env, cut);
    await trial.ended(trial.start('', { RUNBOOK_JOURNAL: journalUrl(proxy.env) }));
    return proxy.cut ? 1 : 0;
  };
  return tried(lab, `journal ${said(cut)}`, befall, { inDatabase: true });
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
  await each(full ? all : some, async (cut) => onOutcome(await cutTried(lab, cut, 'connection')));
  await each(ofJournal, async (cut) => onOutcome(await cutOff(lab, cut)));
};

/** The server is killed (SIGKILL, all of it) before, during and after a COMMIT, and started again. One at a time: it is one server. */
export const servers: Kind = async ({ lab, random, full }, onOutcome) => {
  const { commits } = lab.line;
  const cuts = Array.from({ length: full ? 12 : 1 }, () =>
    (full ? (['before', 'sent', 'answered'] as const) : [random.of(['before', 'sent', 'answered'] as const)]).map(
      (at) => anyCommit(random, commits, at),
    ),
  ).flat();
  for (const cut of cuts) {
    let back: Promise<void> | undefined;
    const outcome = await cutTried(lab, cut, 'server killed at', async () => {
      await lab.server.kill();
      back = delay(random.between(0, 1_500)).then(() => lab.server.start());
    });
    await back;
    onOutcome(outcome);
  }
};
