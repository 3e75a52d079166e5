import { setTimeout as delay } from 'node:timers/promises';
import { connectionLost } from '../../postgres/errors.ts';
import type { Load } from '../../postgres/load.ts';
import type { Act } from '../../run/performer.ts';
import { stepState } from '../../run/state.ts';
import type { StepOf } from '../../runbook/step-schema.ts';
import { type SlowDown, slowDown } from '../../runbook/target-steps.ts';
import type { World } from '../world.ts';
import { ApplicationProbe } from './application-probe.ts';
import { ServerProbe } from './server-probe.ts';
import { LEAST, nextShare, type Strain, slowness } from './throttle.ts';

/** Between two looks at all signals, in ms. */
const ROUND = 1_000;
/** Between two lines in the log on why it is slow, in ms; the pulse tells at once. */
const LOGGED_EVERY = 30_000;
/** The share left beside an autovacuum of the table: it has to get through, but hurts nobody by being slow. */
const BESIDE_VACUUM = 1 / 2;
const MEBIBYTE = 1_048_576;

/** The sample under which the application's p99 of before the backfill is kept for later goes at the step. */
const BASELINE = 'applicationBaselineMs';

/** How much of its work a backfill may do right now. */
export interface Throttle extends AsyncDisposable {
  /** Above 0; 1 when nothing speaks against it. */
  readonly share: number;
  /** What was measured last, for the samples of the step. */
  readonly values: Record<string, number>;
}

/** What a step heeds: what it says, else what is safe; at full pace nothing but what it says. */
function limitsOf(step: StepOf<'backfill'>): SlowDown | undefined {
  return step.slow_down ?? (step.pace === 'gentle' ? slowDown.parse({}) : undefined);
}

/**
 * Watches the signals of a live system until disposed of. A signal that was there and stops answering is a bad one; one
 * that never was there is said once, in the log, and left out.
 * @param tables quoted names of the tables at work on
 * @param told is given why it is slow, in words, whenever that changes; empty when it is not
 */
export function openThrottle(
  step: StepOf<'backfill'>,
  act: Act,
  world: World,
  tables: string[],
  told: (why: string) => void,
): Throttle {
  const limits = limitsOf(step);
  if (limits === undefined) return { share: 1, values: {}, [Symbol.asyncDispose]: async () => undefined };
  return new Watch(step, act, world, limits, tables, told);
}

class Watch implements Throttle {
  readonly #act: Act;
  readonly #limits: SlowDown;
  readonly #server: ServerProbe;
  readonly #application: ApplicationProbe | undefined;
  readonly #told: (why: string) => void;
  readonly #stopped = new AbortController();
  readonly #watching: Promise<void>;
  readonly #leftOut = new Set<string>();
  readonly #replicas = new Set<string>();
  #loggedAt = Number.NEGATIVE_INFINITY;
  #logged = '';
  share = 1;
  values: Record<string, number> = {};

  constructor(
    step: StepOf<'backfill'>,
    act: Act,
    world: World,
    limits: SlowDown,
    tables: string[],
    told: (why: string) => void,
  ) {
    this.#act = act;
    this.#limits = limits;
    this.#told = told;
    this.#server = new ServerProbe(world.pool, tables);
    const { application } = limits;
    const watch = world.runbook.document.watches.find(({ id }) => id === application?.watch);
    if (application !== undefined && watch !== undefined) {
      const earlier = stepState(act.state(), step.id).samples.flatMap(({ values }) => values[BASELINE] ?? []);
      this.#application = new ApplicationProbe(watch, application, world, act.state().watches[watch.id], earlier[0]);
    }
    this.#watching = this.#watch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#watching;
    await this.#application?.[Symbol.asyncDispose]();
    this.#server[Symbol.dispose]();
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      this.values = {};
      const strains = [...this.#fromApplication(), ...(await this.#fromServer())];
      this.share = nextShare(this.share, strains);
      this.values.sharePercent = Math.round(100 * this.share);
      const why = slowness(this.share, strains);
      this.#told(why);
      await this.#log(strains, why);
      await delay(ROUND, undefined, { signal }).catch(() => undefined);
    }
  }

  #fromApplication(): Strain[] {
    if (this.#application === undefined) return [];
    const answers = this.#application.answers;
    if ('unknown' in answers) {
      this.#leaveOut(answers.unknown);
      return [];
    }
    const { p99Ms, baselineMs } = answers;
    if (p99Ms !== undefined) this.values.applicationP99Ms = p99Ms;
    if (baselineMs !== undefined) this.values[BASELINE] = baselineMs;
    else if (p99Ms !== undefined && this.#limits.application?.times !== undefined) {
      this.#leaveOut('the application has not answered often enough before for a baseline');
    }
    return answers.strains;
  }

  async #fromServer(): Promise<Strain[]> {
    try {
      return this.#strains(await this.#server.look());
    } catch (error) {
      if (this.#stopped.signal.aborted) return [];
      if (this.#server.hasAnswered || connectionLost(error)) {
        return [{ name: 'server', says: 'the server does not say how it is', leaves: LEAST }];
      }
      this.#leaveOut(`the server's own signals cannot be seen (${error instanceof Error ? error.message : error})`);
      return [];
    }
  }

  #strains({ walBytesPerSecond, replicas, waiters, vacuumed }: Load): Strain[] {
    const { wal, replication_lag, waiters: heedWaiters, autovacuum } = this.#limits;
    const strains = this.#lagging(replicas, replication_lag);
    if (walBytesPerSecond !== null) {
      const rate = Math.round(walBytesPerSecond / MEBIBYTE);
      this.values.walMegabytesPerSecond = rate;
      if (wal !== undefined && walBytesPerSecond > wal) {
        const says = `WAL ${rate} MB/s, over ${Math.round(wal / MEBIBYTE)} MB/s`;
        strains.push({ name: 'wal', says, leaves: LEAST });
      }
    }
    if (heedWaiters && waiters > 0) {
      const says = `${waiters} ${waiters === 1 ? 'session waits' : 'sessions wait'} for its locks`;
      strains.push({ name: 'waiters', says, leaves: LEAST });
    }
    if (autovacuum && vacuumed.length > 0) {
      strains.push({ name: 'autovacuum', says: `${vacuumed.join(', ')} is being vacuumed`, leaves: BESIDE_VACUUM });
    }
    return strains;
  }

  #lagging(replicas: Load['replicas'], limit: number): Strain[] {
    const strain = (says: string): Strain => ({ name: 'replication', says, leaves: LEAST });
    const visible = replicas.flatMap(({ name, lagMs }) => (lagMs === null ? [] : [{ name, lagMs }]));
    if (visible.length < replicas.length) {
      this.#leaveOut('there are replicas whose lag this role is not shown (a member of pg_monitor is)');
    }
    if (visible.length > 0) this.values.replicationLagMs = Math.max(...visible.map(({ lagMs }) => lagMs));
    const gone = [...this.#replicas].filter((name) => replicas.every((each) => each.name !== name));
    for (const { name } of visible) this.#replicas.add(name);
    return [
      ...gone.map((name) => strain(`replica ${name} is not connected any more`)),
      ...visible
        .filter(({ lagMs }) => lagMs > limit)
        .map(({ name, lagMs }) => strain(`replica ${name} ${Math.round(lagMs / 1_000)} s behind`)),
    ];
  }

  /** Says once what cannot be heeded, and why. */
  #leaveOut(why: string): void {
    if (this.#leftOut.has(why)) return;
    this.#leftOut.add(why);
    this.#note(`does not heed a signal: ${why}`);
  }

  async #log(strains: Strain[], why: string): Promise<void> {
    const names = this.share >= 1 ? '' : strains.map(({ name }) => name).join(' ');
    const over = this.share >= 1 && this.#logged !== '';
    const news = names !== '' && names !== this.#logged && performance.now() - this.#loggedAt > LOGGED_EVERY;
    if (!over && !news) return;
    this.#logged = names;
    if (news) this.#loggedAt = performance.now();
    this.#note(over ? 'is not slowed any more' : why);
  }

  #note(text: string): void {
    // A journal that cannot be written stops the run by itself.
    this.#act.note(text).catch(() => undefined);
  }
}
