import { jumpingClock, wallClock } from '../../src/run/clock.ts';
import { Conductor } from '../../src/run/conductor.ts';
import type { JournalRecord } from '../../src/run/events.ts';
import { JournalFailed, LeaseHeld, LeaseLost } from '../../src/run/journal/journal.ts';
import { type RunState, stepState } from '../../src/run/state.ts';
import { undosDue } from '../../src/run/undo.ts';
import { simulated } from './document.ts';
import { ADA, agreed, said } from './people.ts';
import { outboxOf } from './post.ts';
import { randomFrom } from './random.ts';
import { Rules } from './rules.ts';
import { Store } from './store.ts';
import { Machines } from './target.ts';
import { type Process, World } from './world.ts';

/** How long things go wrong, and how long a run then may take to its end, in ms. */
const TROUBLED = 45_000;
const PATIENCE = 600_000;

/** What befell a run, by kind, and how it ended. */
export interface Story {
  seed: number;
  befell: Record<string, number>;
  records: JournalRecord[];
  outcome: string;
}

/** A run that broke a promise. The seed brings it about again. */
export class PromiseBroken extends Error {
  constructor(seed: number, what: string, records: JournalRecord[]) {
    const told = records.slice(1).map(({ seq, event: { type, ...rest } }) => `${seq} ${type} ${JSON.stringify(rest)}`);
    super(
      `${what}\nseed ${seed}; the journal ends:\n${told
        .slice(-25)
        .map((line) => line.slice(0, 160))
        .join('\n')}`,
    );
    this.name = 'PromiseBroken';
  }
}

/**
 * One run of the real conductor in a simulated world, which the seed decides: processes that are killed and suspended
 * anywhere they wait, clocks that jump, a journal that is full, commits of unknown outcome, people who answer and ask for
 * whatever they like from several terminals. Then all goes well, and the run has to come to its end.
 * @throws PromiseBroken
 */
export async function simulate(seed: number): Promise<Story> {
  const random = randomFrom(seed);
  const rehearsal = random.chance(0.3);
  const opens = simulated.opens;
  const wallMs = opens - random.between(0, 20_000);
  using world = new World(random, wallMs);
  const wrong: string[] = [];
  const rules = new Rules((what) => void wrong.push(what));
  let intents = 0;
  const store = new Store(world, (before, record, after) => {
    rules.record(before, record, after);
    if (record.event.type === 'step-begun') intents += 1;
  });
  const machines = new Machines(world, (what) => void wrong.push(what));
  const befell: Record<string, number> = {};
  const befalls = (what: string) => {
    befell[what] = (befell[what] ?? 0) + 1;
  };
  const check = () => {
    if (wrong[0] !== undefined) throw new PromiseBroken(seed, wrong[0], store.records);
  };

  const { sources } = simulated;
  const people = { dev: ['Ada'], lead: ['Grace', 'Barbara'] };
  store.open({ type: 'run-opened', run: 's', sources, opens, settings: {}, people, rehearsal, by: ADA });

  let calm = false;
  const conductor = (name: string) =>
    world.spawn(name, async () => {
      const process = world.running as Process;
      const journal = store.journal(process);
      const lease = await journal.acquire();
      const conductor = await Conductor.open({
        journal,
        lease,
        by: ADA,
        runbook: simulated,
        performer: machines.performer(process, (what, step) => rules.act(what, step, store.state, lease, store.token)),
        outbox: outboxOf(world, random),
        watchers: [],
        clock: (ahead, onJump) => (rehearsal ? jumpingClock(ahead, onJump) : wallClock),
        wait: true,
        failing: new Set(),
        signal: new AbortController().signal,
      });
      await conductor.conduct().finally(() => journal.release(lease));
    });
  const terminal = (name: string) =>
    world.spawn(name, async () => {
      const journal = store.journal(world.running as Process);
      for (;;) {
        await world.takes(3_000);
        const state = store.state as RunState;
        const event = calm ? agreed(state, random) : said(state, random);
        await world.takes(500);
        if (event) await journal.append('terminal', Date.now(), [event]).catch(notFull);
      }
    });

  const conductors: Process[] = [];
  const start = () => conductors.push(conductor(`conductor ${conductors.length + 1}`));
  for (let i = random.between(1, 3); i > 0; i -= 1) terminal(`terminal ${i}`);
  start();
  machines.trouble = random.of([0, 5, 15]);
  while (world.nowMs < TROUBLED) {
    // By what happens rather than by the clock: a run that waits is not where faults are found.
    await world.until(world.nowMs + 4_000, random.between(1, 150));
    // Where most is at stake: between an intent and its act.
    const struck = random.chance(0.3);
    if (struck) {
      const before = intents;
      await world.until(world.nowMs + 4_000, 150, () => intents > before);
      await world.until(world.nowMs + 100, random.between(0, 5));
    }
    check();
    const [last] = conductors.slice(-1);
    const alive = conductors.filter(({ state }) => state === 'running' || state === 'suspended');
    switch (struck ? random.of([0, 3]) : random.between(0, 9)) {
      case 0:
      case 1:
      case 2:
        if (last?.state !== 'running') break;
        befalls('killed');
        world.kill(last);
        break;
      case 3:
        if (last?.state !== 'running') break;
        befalls('suspended');
        last.state = 'suspended';
        world.later(random.of([500, 5_000, 40_000]), () => {
          if (last.state === 'suspended') last.state = 'running';
        });
        break;
      case 4:
        befalls('clock jumped');
        world.wallMs += random.of([-3_600_000, -5_000, 5_000, 3_600_000]);
        break;
      case 5:
        befalls('disk full');
        store.full = true;
        world.later(random.between(10, 5_000), () => {
          store.full = false;
        });
        break;
      default:
        if (alive.length > 0) befalls('second start');
        start();
    }
  }
  calm = true;
  world.wallMs = wallMs;
  machines.trouble = 0;
  const patience = world.nowMs + PATIENCE;
  do {
    while (world.nowMs < patience && !store.state?.outcome) {
      if (!conductors.some(({ state }) => state === 'running')) start();
      await world.until(world.nowMs + 2_000);
      check();
    }
    // Whoever wakes up now finds the run over, or somebody's late wish begins it anew.
    await world.until(world.nowMs + 60_000);
  } while (world.nowMs < patience && !store.state?.outcome);
  for (const { error, name } of conductors) {
    if (error !== undefined && !expected(error)) wrong.push(`${name} ended with ${error}`);
  }
  check();
  const state = store.state as RunState;
  if (!state.outcome) wrong.push('the run does not come to its end');
  if (state.outcome?.outcome === 'done') {
    for (const step of simulated.activities.flatMap((each) => each.steps)) {
      if (step.kind !== 'sql' && step.kind !== 'command') continue;
      const { status } = stepState(state, step.id);
      const times = machines.done.get(step.id) ?? 0;
      if (status === 'done' && times !== 1)
        wrong.push(`${step.id} is done by the journal, and was done ${times} times`);
      if (status === 'skipped' && times !== 0) wrong.push(`${step.id} was skipped, and was done`);
    }
  }
  if (state.outcome?.outcome === 'rolled-back') {
    if (undosDue(simulated, state).length > 0) wrong.push('it ended as rolled back with something left to undo');
    const byHand = state.prompts.flatMap((each) => (each.settled?.choose === 'by-hand' ? [each.prompt.step] : []));
    for (const id of ['table', 'copy']) {
      if (machines.ledger.has(id) && !byHand.includes(id)) wrong.push(`${id} is there after the rollback`);
    }
  }
  check();
  return { seed, befell, records: store.records, outcome: state.outcome?.outcome ?? '' };
}

const notFull = (error: unknown) => {
  if (!(error instanceof JournalFailed)) throw error;
};

/** Ways a conductor may end that a person is told of in words. */
function expected(error: unknown): boolean {
  const message = error instanceof Error ? error.message : '';
  return (
    error instanceof LeaseHeld ||
    error instanceof LeaseLost ||
    error instanceof JournalFailed ||
    /later conductor/.test(message)
  );
}
