import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process for good: a pid is handed on when its process has ended, and a start time alone is not unique. */
export interface ProcessIdentity {
  pid: number;
  /** As `startedAt` tells it. */
  started: string;
}

/**
 * When a process started, as the operating system tells it; null when there is no such process, or it has ended and only
 * waits for its parent to take note (a zombie). On Linux it is counted from boot, and so names the boot too.
 */
export function startedAt(pid: number): string | null {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

/** Whether the process that had this pid and start time still runs. */
export function isAlive({ pid, started }: ProcessIdentity): boolean {
  return startedAt(pid) === started;
}

/** Whether a process was started since this machine was; where the start times do not tell, it is taken to be so. */
export function sameBoot({ started }: Pick<ProcessIdentity, 'started'>): boolean {
  if (process.platform !== 'linux') return true;
  return started.split(' ')[0] === thisProcess().started.split(' ')[0];
}

let ownStart: string | null = null;

/** This process. */
export function thisProcess(): ProcessIdentity {
  ownStart ??= startedAt(process.pid);
  return { pid: process.pid, started: ownStart ?? '' };
}

/** How long a process is given to follow a signal, in ms. */
const PATIENCE = 5_000;

/** Sends the signals, one after the other, until this very process has ended; whoever has its pid by then is left alone. */
export async function endProcess(it: ProcessIdentity, signals: NodeJS.Signals[]): Promise<void> {
  for (const signal of signals) {
    try {
      if (isAlive(it)) process.kill(it.pid, signal);
    } catch (error) {
      // It ended by itself in between.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    for (let waitedMs = 0; isAlive(it) && waitedMs < PATIENCE; waitedMs += 20) await delay(20);
  }
}

function fromProc(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in brackets, may hold anything; the fields are counted from its end. proc(5): 3rd is the state, 22nd the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    if (state === 'Z' || state === 'X' || state === 'x') return null;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${fields[19]}`;
  } catch {
    return null;
  }
}

function fromPs(pid: number): string | null {
  try {
    const [state = '', ...start] = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .trim()
      .split(/\s+/);
    return state.startsWith('Z') ? null : start.join(' ') || null;
  } catch {
    return null;
  }
}
