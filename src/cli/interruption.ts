/** What ends a command from outside: Ctrl+C, `kill`, the terminal that is closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The exit code of a command that was interrupted. */
export const INTERRUPTED = 130;

/** Aborted by the first signal that wants this process to end. It then leaves in order; further signals change nothing. */
export function interruption(): AbortSignal {
  const interrupted = new AbortController();
  for (const signal of SIGNALS) process.on(signal, () => interrupted.abort());
  return interrupted.signal;
}
