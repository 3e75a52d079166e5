import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * When a process started, as the operating system tells it; null when there is no such process. A pid alone may have
 * been handed on to another process; pid and start together name one process for good.
 */
export function startedAt(pid: number): string | null {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name, in brackets, may hold anything; the fields are counted from its end. 22nd in proc(5): start time.
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
    } catch {
      return null;
    }
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}

/** Whether the process that had this pid and start time still runs. */
export function isAlive(process: { pid: number; started: string }): boolean {
  return startedAt(process.pid) === process.started;
}
