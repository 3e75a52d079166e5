import { setTimeout as delay } from 'node:timers/promises';
import type { WatchState } from '../../run/state.ts';
import type { Document } from '../../runbook/schema.ts';
import type { StepOf } from '../../runbook/step-schema.ts';
import { allowedMs, percentile } from '../latency.ts';
import { put } from '../request.ts';
import type { Words } from '../world.ts';
import { LEAST, type Strain } from './throttle.ts';

type Limits = NonNullable<NonNullable<StepOf<'backfill'>['slow_down']>['application']>;

/** The application is asked at least so often, in ms: a watch that asks every minute would tell too late. */
const ASKED_EVERY = 250;
/** How old an answer may be that still counts, in ms. */
const RECENT = 5_000;
/** A percentile of fewer answers than this says nothing. */
const ENOUGH = 20;

/** What the application's answers say. `unknown` says why they cannot be judged. */
export type Answers =
  | { unknown: string }
  | { strains: Strain[]; p99Ms: number | undefined; baselineMs: number | undefined };

/** Asks what a watch asks, for as long as a backfill is at work, and more often. */
export class ApplicationProbe implements AsyncDisposable {
  readonly #limits: Limits;
  readonly #baselineMs: number | undefined;
  readonly #stopped = new AbortController();
  readonly #asking: Promise<void>;
  #answers: { at: number; ms: number }[] = [];
  #askedAt: number | undefined;
  #hasAnswered: boolean;
  #silent = false;

  /**
   * @param before what the watch has seen so far
   * @param baselineMs p99 from before the backfill, where it is known from an earlier go at it
   */
  constructor(
    watch: Document['watches'][number],
    limits: Limits,
    words: Words,
    before: WatchState | undefined,
    baselineMs: number | undefined,
  ) {
    const answered = (before?.asked ?? 0) - (before?.failed ?? 0);
    this.#limits = limits;
    this.#hasAnswered = answered > 0;
    this.#baselineMs = baselineMs ?? (answered >= ENOUGH ? before?.p99Ms : undefined);
    this.#asking = this.#ask(watch, words);
  }

  /** What the answers of the last seconds come to; one that is still awaited counts with the time it has taken. */
  get answers(): Answers {
    if (!this.#hasAnswered) {
      if (this.#silent) return { unknown: 'the application has not answered yet' };
      return { strains: [], p99Ms: undefined, baselineMs: this.#baselineMs };
    }
    const now = performance.now();
    this.#answers = this.#answers.filter(({ at }) => now - at < RECENT);
    const times = this.#answers.map(({ ms }) => ms);
    if (this.#askedAt !== undefined) times.push(now - this.#askedAt);
    const p99Ms = times.length === 0 ? undefined : Math.round(percentile(times, 0.99));
    const baselineMs = this.#baselineMs;
    return { strains: this.#strains(p99Ms), p99Ms, baselineMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#asking;
  }

  #strains(p99Ms: number | undefined): Strain[] {
    const { times, at_most, or_ms } = this.#limits;
    const strain = (says: string): Strain[] => [{ name: 'application', says, leaves: LEAST }];
    if (this.#silent) return strain('the application does not answer');
    if (p99Ms === undefined) return [];
    const baseline = this.#baselineMs;
    if (times !== undefined && baseline !== undefined && p99Ms > allowedMs(baseline, { times, or_ms })) {
      return strain(`application p99 ${(p99Ms / baseline).toFixed(1)}× baseline (${p99Ms} ms)`);
    }
    return at_most !== undefined && p99Ms > at_most ? strain(`application p99 ${p99Ms} ms, over ${at_most} ms`) : [];
  }

  async #ask(watch: Document['watches'][number], words: Words): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const began = performance.now();
      this.#askedAt = began;
      try {
        const { ms } = await put(watch.request, {}, words, signal);
        this.#answers.push({ at: performance.now(), ms });
        this.#hasAnswered = true;
        this.#silent = false;
      } catch {
        this.#silent = true;
      }
      this.#askedAt = undefined;
      const left = Math.min(watch.every, ASKED_EVERY) - (performance.now() - began);
      await delay(Math.max(1, left), undefined, { signal }).catch(() => undefined);
    }
  }
}
