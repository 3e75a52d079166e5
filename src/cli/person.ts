import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { type Person, WATCHER } from '../run/events.ts';
import type { Runbook } from '../runbook/plan.ts';
import { inert } from '../ui/inert.ts';

/** The role given with --as, else the only one there is, else the only one that has somebody of the name given. */
function roleOf({ document }: Runbook, { as, name }: { as?: string; name?: string }): string | undefined {
  const roles = Object.entries(document.roles);
  const theirs = roles.filter(([, { people }]) => people.some((each) => each.name === name));
  const [only] = roles.length === 1 ? roles : theirs.length === 1 ? theirs : [];
  return as ?? only?.[0];
}

/**
 * Who sits at this terminal: the role given with --as, which goes without saying only where a single one is possible, and
 * a name: the one given, else the one the runbook names for the role when it names just one, else the login name. Where the
 * role names people it is one of them: under another name, who asks for something could approve it as well.
 */
export function personAt(runbook: Runbook, flags: { as?: string; name?: string }, command: Command): Person {
  const { roles } = runbook.document;
  const role = roleOf(runbook, flags) ?? '';
  if (!Object.hasOwn(roles, role)) {
    const given = flags.as === undefined ? 'say which role you have with --as' : `--as ${inert(flags.as)}`;
    command.error(`error: ${given}: the roles of this runbook are ${Object.keys(roles).join(', ')}`);
  }
  const named = (roles[role]?.people ?? []).map(({ name }) => name);
  const name = flags.name ?? (named.length === 1 ? named[0] : undefined) ?? userInfo().username;
  if (named.length > 0 && !named.includes(name)) {
    const given = flags.name === undefined ? 'say who you are with --name' : `--name ${inert(name)}`;
    command.error(`error: ${given}: as ${role}, this runbook names ${named.map(inert).join(', ')}`);
  }
  return { role, name };
}

/** As `personAt`; who does not say which role they have, where several are possible, only watches. Of a watcher the role is empty. */
export function personOrWatcher(runbook: Runbook, flags: { as?: string; name?: string }, command: Command): Person {
  if (roleOf(runbook, flags) !== undefined) return personAt(runbook, flags, command);
  return { role: WATCHER, name: flags.name ?? userInfo().username };
}
