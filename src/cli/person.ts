import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { type Person, WATCHER } from '../run/events.ts';
import type { Runbook } from '../runbook/plan.ts';
import { inert } from '../ui/inert.ts';

/**
 * Who sits at this terminal: the role given with --as (by default the owner of the first activity), and a name: the one
 * given, else the one the runbook names for the role when it names just one, else the login name. Where the role names
 * people it is one of them: under another name, who asks for something could approve it as well.
 */
export function personAt(runbook: Runbook, flags: { as?: string; name?: string }, command: Command): Person {
  const { roles } = runbook.document;
  const role = flags.as ?? runbook.activities[0]?.owner ?? '';
  if (!Object.hasOwn(roles, role)) {
    command.error(`error: --as ${role}: the roles of this runbook are ${Object.keys(roles).join(', ')}`);
  }
  const named = (roles[role]?.people ?? []).map(({ name }) => name);
  const name = flags.name ?? (named.length === 1 ? named[0] : undefined) ?? userInfo().username;
  if (named.length > 0 && !named.includes(name)) {
    const given = flags.name === undefined ? 'say who you are with --name' : `--name ${inert(name)}`;
    command.error(`error: ${given}: as ${role}, this runbook names ${named.map(inert).join(', ')}`);
  }
  return { role, name };
}

/**
 * As `personAt`; who does not say which role they have, of a runbook with several, only watches, unless a name that they
 * give is that of one role alone. Of a watcher the role is empty.
 */
export function personOrWatcher(runbook: Runbook, flags: { as?: string; name?: string }, command: Command): Person {
  const roles = Object.entries(runbook.document.roles);
  if (flags.as !== undefined || roles.length < 2) return personAt(runbook, flags, command);
  const theirs = roles.filter(([, { people }]) => people.some(({ name }) => name === flags.name));
  const [role] = theirs.length === 1 ? (theirs[0] ?? []) : [];
  return { role: role ?? WATCHER, name: flags.name ?? userInfo().username };
}
