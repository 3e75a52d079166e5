const MINUTE = 60_000;

/** Requests and server errors of the last minute: what a service such as Sentry would be asked for. */
export interface ErrorRate {
  note(failed: boolean): void;
  read(): { requests: number; errors: number; rate: number };
}

/** @param now ms of a clock that never goes back */
export function errorRate(now: () => number = () => performance.now()): ErrorRate {
  let recent: { at: number; failed: boolean }[] = [];
  return {
    note(failed) {
      recent.push({ at: now(), failed });
    },
    read() {
      const since = now() - MINUTE;
      recent = recent.filter(({ at }) => at > since);
      const errors = recent.filter(({ failed }) => failed).length;
      return { requests: recent.length, errors, rate: recent.length === 0 ? 0 : errors / recent.length };
    },
  };
}
