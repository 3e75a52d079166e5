import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';
import type { Random } from './random.ts';

/** A process of the simulated machines. Whatever it awaits is a timer of the world; one that is dead awaits it for ever. */
export interface Process {
  name: string;
  state: 'running' | 'suspended' | 'dead' | 'ended';
  /** What it ended with, when it threw. */
  error?: unknown;
}

interface Timer {
  id: number;
  dueMs: number;
  everyMs?: number;
  owner: Process | null;
  fire(): void;
}

const drained = setImmediate;
const current = new AsyncLocalStorage<Process>();

/**
 * One thread of time for all processes: whoever waits is woken in the order of the moments, and nothing else happens
 * meanwhile, so that a seed decides everything. While `using` it, the timers and clocks of Node are those of the world.
 */
export class World implements Disposable {
  readonly random: Random;
  /** Every process there has been. */
  readonly processes: Process[] = [];
  /** Monotonic, in ms since the beginning of the world. */
  nowMs = 0;
  /** What the clock on the wall says is this much ahead of the monotonic one, in ms. */
  wallMs: number;
  #timers: Timer[] = [];
  #count = 0;
  readonly #restore: () => void;

  constructor(random: Random, wallMs: number) {
    this.random = random;
    this.wallMs = wallMs;
    this.#restore = this.#install();
  }

  [Symbol.dispose](): void {
    this.#restore();
  }

  /** The process that runs now. */
  get running(): Process | null {
    return current.getStore() ?? null;
  }

  spawn(name: string, main: () => Promise<void>): Process {
    const process: Process = { name, state: 'running' };
    this.processes.push(process);
    const end = (error?: unknown) => {
      if (process.state === 'dead') return;
      process.state = 'ended';
      if (error !== undefined) process.error = error;
      this.#timers = this.#timers.filter(({ owner }) => owner !== process);
    };
    current.run(process, () => void main().then(() => end(), end));
    return process;
  }

  kill(process: Process): void {
    process.state = 'dead';
    this.#timers = this.#timers.filter(({ owner }) => owner !== process);
  }

  /** Resolves after some time of up to `mostMs`, for the process that asks. */
  async takes(mostMs: number): Promise<void> {
    await new Promise<void>((resolve) => this.#add(this.random.between(0, mostMs), resolve));
  }

  /** Something that happens in the world whatever becomes of the process that caused it. */
  later(inMs: number, happens: () => void): void {
    current.exit(() => this.#add(inMs, happens));
  }

  /** Lets time pass until the moment comes, this many things have happened, or it is enough. */
  async until(moment: number, things = Number.POSITIVE_INFINITY, enough = () => false): Promise<void> {
    for (let happened = 0; happened < things && !enough(); happened += 1) {
      const next = this.#timers
        .filter(({ owner }) => owner?.state !== 'suspended')
        .reduce<Timer | null>((first, each) => (first === null || each.dueMs < first.dueMs ? each : first), null);
      if (next === null || next.dueMs > moment) {
        this.nowMs = Math.max(this.nowMs, moment);
        return;
      }
      // One that was suspended is late.
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      if (next.everyMs === undefined) this.#clear(next.id);
      else next.dueMs = this.nowMs + next.everyMs;
      if (next.owner) current.run(next.owner, next.fire);
      else next.fire();
      await new Promise<void>((resolve) => drained(resolve));
    }
  }

  #add(inMs: number, fire: () => void, everyMs?: number): number {
    this.#count += 1;
    // What falls on one moment happens in either order.
    const dueMs = this.nowMs + Math.max(0, inMs) + this.random.next();
    const timer = { id: this.#count, dueMs, owner: this.running, fire };
    if (this.running?.state !== 'dead') this.#timers.push(everyMs === undefined ? timer : { ...timer, everyMs });
    return this.#count;
  }

  #clear(id: unknown): void {
    this.#timers = this.#timers.filter((each) => each.id !== id);
  }

  #install(): () => void {
    const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
    const real = { setTimeout, clearTimeout, setInterval, clearInterval };
    const [dateNow, performanceNow, wait, timeout] = [
      Date.now,
      performance.now,
      timersPromises.setTimeout,
      AbortSignal.timeout,
    ];
    Object.assign(globalThis, {
      setTimeout: (fire: () => void, inMs = 0) => this.#add(inMs, fire),
      setInterval: (fire: () => void, everyMs: number) => this.#add(everyMs, fire, everyMs),
      clearTimeout: (id: unknown) => this.#clear(id),
      clearInterval: (id: unknown) => this.#clear(id),
    });
    Date.now = () => Math.floor(this.nowMs + this.wallMs);
    performance.now = () => this.nowMs;
    AbortSignal.timeout = (inMs) => {
      const aborting = new AbortController();
      this.#add(inMs, () => aborting.abort());
      return aborting.signal;
    };
    timersPromises.setTimeout = (<T>(inMs?: number, value?: T, options?: { signal?: AbortSignal }) =>
      this.#wait(inMs ?? 0, value as T, options?.signal)) as typeof wait;
    syncBuiltinESMExports();
    return () => {
      Object.assign(globalThis, real);
      Date.now = dateNow;
      performance.now = performanceNow;
      AbortSignal.timeout = timeout;
      timersPromises.setTimeout = wait;
      syncBuiltinESMExports();
    };
  }

  #wait<T>(inMs: number, value: T, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const aborted = () => {
        this.#clear(id);
        reject(new DOMException('The operation was aborted', 'AbortError'));
      };
      const id = this.#add(inMs, () => {
        signal?.removeEventListener('abort', aborted);
        resolve(value);
      });
      if (signal?.aborted) aborted();
      else signal?.addEventListener('abort', aborted, { once: true });
    });
  }
}
