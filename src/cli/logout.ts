import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

/** What is asked of the host; everything else is decided from it. */
export interface Host {
  /** The text of a file; null when there is none, or it may not be read. */
  read(path: string): string | null;
  /** The names in a folder; empty when there is none. */
  list(path: string): string[];
  env: NodeJS.ProcessEnv;
  pid: number;
  user: string;
}

/** Folders of systemd's configuration, the one that counts most first. @see man logind.conf */
const FOLDERS = ['/etc/systemd', '/run/systemd', '/usr/local/lib/systemd', '/usr/lib/systemd'];
const TRUE = /^(1|y|yes|t|true|on)$/i;

/** The settings of logind that say whom it ends the processes of. A list that is set again grows; an empty value clears it. */
function logind(host: Host): { kills: boolean; only: string[]; exclude: string[] } {
  const main = FOLDERS.map((folder) => host.read(join(folder, 'logind.conf'))).find((text) => text !== null);
  const dropIns = new Map<string, string>();
  for (const folder of FOLDERS.map((each) => join(each, 'logind.conf.d')).reverse()) {
    for (const name of host.list(folder)) if (name.endsWith('.conf')) dropIns.set(name, join(folder, name));
  }
  const sorted = [...dropIns].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => host.read(path) ?? '');
  let kills = false;
  const lists: Record<string, string[] | undefined> = {};
  for (const line of [main ?? '', ...sorted].join('\n').split('\n')) {
    const [, key = '', value = ''] = /^\s*(Kill\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key === 'KillUserProcesses') kills = TRUE.test(value);
    else if (key !== '') lists[key] = value === '' ? [] : [...(lists[key] ?? []), ...value.split(/\s+/)];
  }
  return { kills, only: lists.KillOnlyUsers ?? [], exclude: lists.KillExcludeUsers ?? ['root'] };
}

/** The controlling terminal of a process, as the kernel numbers it; 0 for none. proc(5), 7th field. */
function terminalOf(host: Host, pid: number | 'self'): number {
  const stat = host.read(`/proc/${pid}/stat`) ?? '';
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[4] ?? 0);
}

/** Jobs of build servers that end what a job has left behind, by a variable that only their jobs have. */
const JOBS = { RUNNER_TRACKING_ID: 'GitHub Actions', JENKINS_NODE_COOKIE: 'Jenkins', GITLAB_CI: 'GitLab CI' };

/**
 * Why a process that is left at work would be ended when the person logs out, and what to do about that; null when nothing
 * is known to end it. That it has a session of its own protects it from the terminal's hangup, not from these.
 */
export function endedAtLogout(host: Host): string | null {
  const job = Object.entries(JOBS).find(([variable]) => host.env[variable]);
  if (job) return `This is a job of ${job[1]}, which ends what a job leaves at work: the conductor would end with it.`;
  const terminal = terminalOf(host, 'self');
  if (host.pid === 1 || (terminal !== 0 && terminal === terminalOf(host, 1))) {
    return (
      'This terminal is that of process 1: when it goes, the container ends, and the conductor with it. ' +
      'Start the container with something that stays, such as `sleep infinity`, and come in with `docker exec`.'
    );
  }
  const group = host.read('/proc/self/cgroup') ?? '';
  if (/\/session-[^/\n]+\.scope/.test(group)) {
    const { kills, only, exclude } = logind(host);
    if (!kills || exclude.includes(host.user) || (only.length > 0 && !only.includes(host.user))) return null;
    return (
      'This host ends what a user has at work when they log out (KillUserProcesses=yes), tmux and screen too: ' +
      'the conductor would end with this login. Stop, and start with ' +
      '`loginctl enable-linger; systemd-run --user --scope runbook run …`.'
    );
  }
  if (/\/user@\d+\.service/.test(group) && host.read(`/var/lib/systemd/linger/${host.user}`) === null) {
    return (
      'The conductor belongs to the services of this user, which end with their last login. ' +
      'Keep them with `loginctl enable-linger`.'
    );
  }
  return null;
}

/** This host, and this process on it. */
export const thisHost = (): Host => ({
  read(path) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return null;
    }
  },
  list: (path) => (existsSync(path) ? readdirSync(path) : []),
  env: process.env,
  pid: process.pid,
  user: userInfo().username,
});
