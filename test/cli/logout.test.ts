import { describe, expect, it } from 'vitest';
import { endedAtLogout } from '../../src/cli/logout.ts';

const SESSION = '0::/user.slice/user-1000.slice/session-3.scope\n';
const MANAGER = '0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-u7.scope\n';
/** As in proc(5): pid, name (which may hold anything), state, parent, group, session, terminal. */
const stat = (terminal: number) => `7 (a) b) S 1 7 7 ${terminal} 7 0`;

function asked(
  files: Record<string, string>,
  given: { env?: Record<string, string>; pid?: number; user?: string } = {},
) {
  const names = Object.keys(files);
  return endedAtLogout({
    read: (path) => files[path] ?? null,
    list: (path) => names.filter((each) => each.startsWith(`${path}/`)).map((each) => each.slice(path.length + 1)),
    env: given.env ?? {},
    pid: given.pid ?? 7,
    user: given.user ?? 'ada',
  });
}

describe('a host that ends processes at logout', () => {
  const login = (conf: Record<string, string>, user = 'ada') =>
    asked({ '/proc/self/cgroup': SESSION, ...conf }, { user });
  const etc = (text: string) => ({ '/etc/systemd/logind.conf': `[Login]\n${text}\n` });

  it('is one whose logind says so, of this user', () => {
    expect(login({})).toBeNull();
    expect(login(etc('#KillUserProcesses=yes'))).toBeNull();
    expect(login(etc('KillUserProcesses=yes'))).toContain('systemd-run --user --scope');
    expect(login(etc('KillUserProcesses=yes'), 'root')).toBeNull();
    expect(login(etc('KillUserProcesses=yes\nKillExcludeUsers='), 'root')).toContain('KillUserProcesses');
    expect(login(etc('KillUserProcesses=yes\nKillExcludeUsers=bob ada'))).toBeNull();
    expect(login(etc('KillUserProcesses=yes\nKillOnlyUsers=bob'))).toBeNull();
    expect(login(etc('KillUserProcesses=yes\nKillOnlyUsers=bob\nKillOnlyUsers=ada'))).not.toBeNull();
  });

  it('is told so by drop-ins, the last name last, those in /etc in place of those in /usr', () => {
    const dropIn = (folder: string, name: string, value: string) => ({
      [`${folder}/systemd/logind.conf.d/${name}`]: `[Login]\nKillUserProcesses = ${value}\n`,
    });
    expect(login({ ...etc('KillUserProcesses=no'), ...dropIn('/usr/lib', '10-a.conf', 'on') })).not.toBeNull();
    expect(login({ ...dropIn('/usr/lib', '20-b.conf', 'no'), ...dropIn('/etc', '10-a.conf', 'yes') })).toBeNull();
    expect(login({ ...dropIn('/usr/lib', '10-a.conf', 'yes'), ...dropIn('/etc', '10-a.conf', 'no') })).toBeNull();
  });

  it('ends the services of a user who does not linger', () => {
    expect(asked({ '/proc/self/cgroup': MANAGER })).toContain('loginctl enable-linger');
    expect(asked({ '/proc/self/cgroup': MANAGER, '/var/lib/systemd/linger/ada': '' })).toBeNull();
    expect(asked({ '/proc/self/cgroup': '0::/system.slice/ssh.service\n' })).toBeNull();
  });

  it('is a container whose first process hangs on this terminal, or is this one, and a job of a build server', () => {
    expect(asked({ '/proc/self/stat': stat(34816), '/proc/1/stat': stat(34816) })).toContain('docker exec');
    expect(asked({ '/proc/self/stat': stat(34817), '/proc/1/stat': stat(34816) })).toBeNull();
    expect(asked({ '/proc/self/stat': stat(0), '/proc/1/stat': stat(0) })).toBeNull();
    expect(asked({}, { pid: 1 })).toContain('process 1');
    expect(asked({}, { env: { RUNNER_TRACKING_ID: 'github_7' } })).toContain('GitHub Actions');
  });
});
