import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startedIn } from './whence.ts';

/** How a process ended: with a code, by a signal, or (neither) without having begun. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What it said last to this process; null when it ended in order, or could not say. */
  words: string | null;
}

export interface Started {
  pid: number | undefined;
  ended: Promise<Ended>;
  /** What it has written, for whoever looks after a conductor that failed. */
  log(): Promise<string>;
  /** Lets this process end before the conductor does; a rehearsal's conductor is told to end. */
  release(): void;
}

/** Starts a run's conductor as a process of its own, which outlives this one unless it is a rehearsal's. */
export function startConductor(
  folder: string,
  { env, flags, rehearsal }: { env: NodeJS.ProcessEnv; flags: string[]; rehearsal: boolean },
): Started {
  const path = join(folder, 'conductor.log');
  const log = openSync(path, 'a', 0o600);
  const before = fstatSync(log).size;
  const program = process.argv[1] ?? '';
  const child = spawn(
    process.execPath,
    [...process.execArgv, program, 'conduct', folder, ...flags, ...(rehearsal ? ['--with-parent'] : [])],
    { cwd: startedIn, env, detached: true, stdio: ['ignore', log, log, 'ipc'] },
  );
  closeSync(log);
  let words: string | null = null;
  child.once('message', (message) => {
    words = String(message);
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => {
      const done = () => resolve({ code, signal, words });
      // Its last words may still be on their way.
      if (child.connected) child.once('disconnect', done);
      else done();
    });
    child.once('error', () => resolve({ code: null, signal: null, words }));
  });
  return {
    pid: child.pid,
    ended,
    log: async () => (await readFile(path)).subarray(before).toString().trim(),
    release: () => {
      if (child.connected) child.disconnect();
      child.unref();
    },
  };
}
