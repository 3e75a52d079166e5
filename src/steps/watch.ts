import { setTimeout as delay } from 'node:timers/promises';
import type { WatchState } from '../run/state.ts';
import type { Watcher } from '../run/watcher.ts';
import type { Document } from '../runbook/schema.ts';
import { percentile, roundMs } from './latency.ts';
import { put } from './request.ts';
import { filled, type Words } from './world.ts';

/** How many of the newest answer times the percentiles are taken of. */
const REMEMBERED = 10_000;
/** How often the totals are told, in ms of the real clock. */
const TOLD_EVERY_MS = 5_000;

const NOTHING: WatchState = { asked: 0, failed: 0, downMs: 0, p50Ms: 0, p99Ms: 0 };

/**
 * The watches of a runbook, ready to start.
 * @throws UnknownPlaceholder when a request lacks a value, which would look like downtime for as long as it is asked
 */
export function openWatchers(words: Words): Watcher[] {
  return words.runbook.document.watches.map((watch) => {
    filled(words, JSON.stringify(watch.request));
    return watcher(watch, words);
  });
}

/**
 * Asks the application again and again, on the real clock: downtime is what its users live through. `downMs` adds up the
 * times from the first failed answer to the next good one; a failure still going on counts up to now.
 */
function watcher(watch: Document['watches'][number], words: Words): Watcher {
  return {
    id: watch.id,
    start(before = NOTHING, onSample) {
      const stopped = new AbortController();
      const times: number[] = [];
      let { asked, failed, downMs } = before;
      let downSince: number | null = null;
      const totals = (): WatchState => ({
        asked,
        failed,
        downMs: Math.round(downMs + (downSince === null ? 0 : performance.now() - downSince)),
        p50Ms: times.length === 0 ? before.p50Ms : roundMs(percentile(times, 0.5)),
        p99Ms: times.length === 0 ? before.p99Ms : roundMs(percentile(times, 0.99)),
      });
      const once = async () => {
        const began = performance.now();
        try {
          const reply = await put(watch.request, {}, words, stopped.signal);
          asked++;
          times.push(reply.ms);
          if (times.length > REMEMBERED) times.shift();
          if (downSince !== null) downMs += performance.now() - downSince;
          downSince = null;
        } catch {
          if (stopped.signal.aborted) return;
          asked++;
          failed++;
          downSince ??= began;
        }
        await delay(Math.max(0, watch.every - (performance.now() - began)), undefined, { signal: stopped.signal });
      };
      const asking = (async () => {
        let toldAt = performance.now();
        while (!stopped.signal.aborted) {
          const wasDown = downSince !== null;
          await once().catch(() => {});
          const turned = wasDown !== (downSince !== null);
          if (!turned && performance.now() - toldAt < TOLD_EVERY_MS) continue;
          toldAt = performance.now();
          onSample(totals());
        }
      })();
      return {
        async stop() {
          stopped.abort();
          await asking;
          onSample(totals());
        },
      };
    },
  };
}
