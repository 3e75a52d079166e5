import type { Target } from '../../src/run/events.ts';
import type { Act, Performer, Verification } from '../../src/run/performer.ts';
import type { Step } from '../../src/runbook/step-schema.ts';
import type { Process, World } from './world.ts';

/** What is wrong with an act: a promise the run has broken, in words. */
export type Complain = (what: string) => void;

const TARGET: Target = {
  system: '1',
  database: 'db',
  role: 'role',
  version: '17',
  timeline: 1,
  where: 'there',
  marker: 'mark',
};

/** How long a piece of work takes at most, in ms. */
const WORK = 1_500;
/** How long COMMIT is on its way to the server, and its answer back, at most; and one whose connection was lost meanwhile. */
const COMMIT = 60;
const LATE_COMMIT = 30_000;

class Trouble extends Error {}
/** The connection broke; whether the server got the COMMIT nobody here knows. */
class Broken extends Error {}

/**
 * A database with fence and ledger, and a machine on which programs run, as far as a run can tell: transactions that are
 * under way and programs at work outlive the conductor that began them.
 */
export class Machines {
  /** Steps that have been committed. */
  readonly ledger = new Set<string>();
  /** Programs at work, and those that have ended well. */
  readonly atWork = new Set<string>();
  readonly ran = new Set<string>();
  /** How often something was done, by step. */
  readonly done = new Map<string, number>();
  /** How often one in a hundred pieces of work goes wrong. */
  trouble = 0;
  fence = 0;
  #committing = 0;
  readonly #world: World;
  readonly #complain: Complain;

  constructor(world: World, complain: Complain) {
    this.#world = world;
    this.#complain = complain;
  }

  /** @param allowed complains of an act that must not be begun now, which is said of it by the journal */
  performer(process: Process, allowed: (what: 'perform' | 'undo', step: Step) => void): Performer {
    const world = this.#world;
    return {
      look: async () => {
        await world.takes(20);
        return { target: TARGET, committed: [...this.ledger] };
      },
      bind: async (_run, token) => {
        await this.#quiet();
        if (token < this.fence) throw new Trouble('A later conductor has been here.');
        this.fence = token;
        return { target: TARGET, notes: [] };
      },
      perform: async (step, act) => {
        // A program has nothing to do with the database.
        if (step.kind !== 'command') await this.#quiet();
        allowed('perform', step);
        switch (step.kind) {
          case 'decision':
          case 'signoff':
            await world.takes(20);
            return { asks: { summary: 'asks' } };
          case 'command':
            await this.#program(process, step, act);
            break;
          case 'sql':
            if (this.ledger.has(step.id)) break;
            await this.#transaction(act, () => this.#once(step)).catch(async (error) => {
              await this.#quiet();
              if (!(error instanceof Broken && this.ledger.has(step.id))) throw error;
            });
            break;
          default:
            await this.#work(act);
        }
        return { finished: { summary: 'done' } };
      },
      verify: async (step): Promise<Verification> => {
        await this.#quiet();
        while (this.atWork.has(step.id)) await world.takes(20);
        const happened = step.kind === 'command' ? this.ran.has(step.id) : this.ledger.has(step.id);
        return happened ? { found: 'done', result: { summary: 'had been done' } } : { found: 'not-done' };
      },
      undo: async (step, act) => {
        await this.#quiet();
        allowed('undo', step);
        if (this.ledger.has(step.id)) await this.#transaction(act, () => void this.ledger.delete(step.id));
        return { summary: 'undone' };
      },
      letGo: () => world.takes(20),
      explain: (error) => ({ name: 'Trouble', message: error instanceof Error ? error.message : String(error) }),
      close: async () => undefined,
    };
  }

  #goesWrong(): boolean {
    return this.#world.random.chance(this.trouble / 100);
  }

  async #work(act: Act): Promise<void> {
    await this.#world.takes(WORK);
    act.signal.throwIfAborted();
    if (this.#goesWrong()) throw new Trouble('It did not work.');
  }

  /** The fence is locked by each transaction until its end, and waited for before the ledger is asked. */
  async #quiet(): Promise<void> {
    do await this.#world.takes(20);
    while (this.#committing > 0);
  }

  /** As the database has it: the ledger's primary key lets no step in twice. */
  #once({ id }: Step): void {
    if (this.ledger.has(id)) return;
    this.ledger.add(id);
    this.done.set(id, (this.done.get(id) ?? 0) + 1);
  }

  async #transaction(act: Act, work: () => void): Promise<void> {
    const world = this.#world;
    await this.#work(act);
    if (this.fence !== act.token) throw new Trouble('A later conductor has been here.');
    // From here on the server has it, whatever becomes of us.
    this.#committing += 1;
    const lost = this.#goesWrong();
    const committed = new Promise<void>((resolve) => {
      world.later(world.random.between(0, lost ? LATE_COMMIT : COMMIT), () => {
        this.#committing -= 1;
        if (!lost || world.random.chance(0.5)) work();
        resolve();
      });
    });
    if (lost) {
      await world.takes(COMMIT);
      throw new Broken('The connection broke.');
    }
    await committed;
    await world.takes(COMMIT);
  }

  /** Runs outside of the conductor: killed with it or not, as it happens. */
  async #program(process: Process, { id }: Step, act: Act): Promise<void> {
    const world = this.#world;
    if (this.atWork.has(id)) this.#complain(`${id} is started while it is at work`);
    if (this.ran.has(id)) this.#complain(`${id} is started although it has been done`);
    this.atWork.add(id);
    const [fails, diesWithUs] = [this.#goesWrong(), world.random.chance(0.5)];
    let killed = false;
    const ended = new Promise<void>((resolve) => {
      world.later(world.random.between(0, WORK), () => {
        this.atWork.delete(id);
        killed = act.signal.aborted || (diesWithUs && process.state === 'dead');
        if (!fails && !killed) {
          this.ran.add(id);
          this.done.set(id, (this.done.get(id) ?? 0) + 1);
        }
        resolve();
      });
    });
    await ended;
    await world.takes(5);
    if (killed) throw new Trouble('It was killed.');
    if (fails) throw new Trouble('It ended with exit code 1.');
  }
}
