/** What ends a command from outside: `kill`, the terminal that is closed. */
const SIGNALS = ['SIGTERM', 'SIGHUP'] as const;

/** The exit code of a command that was interrupted. */
export const INTERRUPTED = 130;

export interface Interruption {
  /** Aborted when this process is to end. It then leaves in order; further signals change nothing. */
  signal: AbortSignal;
  /** Has Ctrl+C answered by this, rather than end the process, until the function that is returned is called. */
  onCtrlC(answer: () => void): () => void;
}

/** Takes the signals that want this process to end. */
export function interruption(): Interruption {
  const interrupted = new AbortController();
  const end = () => interrupted.abort();
  for (const signal of SIGNALS) process.on(signal, end);
  let answers = end;
  process.on('SIGINT', () => answers());
  return {
    signal: interrupted.signal,
    onCtrlC(answer) {
      answers = answer;
      return () => {
        answers = end;
      };
    },
  };
}
