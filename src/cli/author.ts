import { dirname, join, relative } from 'node:path';
import { execa } from 'execa';
import { sameName } from '../run/answering/people.ts';
import type { Runbook } from '../runbook/plan.ts';

/** Nobody can tell who wrote the last change of a runbook, and a sign-off of it depends on that. */
export class AuthorUnknown extends Error {
  constructor(why: string, advice: string) {
    super(`${why}. ${advice}, or name the author in it, as approvals: { author: … }.`);
    this.name = 'AuthorUnknown';
  }
}

const COMMIT = 'Commit the runbook and its files';

/**
 * Who wrote the last change of the runbook or of a file it names: as it says itself, else the author of the last commit that
 * touched them (after .mailmap), by the name of the person in the runbook who has their mail address or their name. Undefined
 * when no sign-off depends on it.
 * @throws AuthorUnknown when that cannot be told, as for files that are changed and not committed, or for somebody whom a
 *   runbook that names people does not name
 */
export async function authorOf({ document, activities, sources }: Runbook): Promise<string | undefined> {
  const needed = activities.some(({ steps }) => steps.some((step) => step.kind === 'signoff' && step.not_by_author));
  if (!needed || document.approvals.author !== undefined) return document.approvals.author;
  const cwd = dirname(sources.yaml.path);
  const files = [relative(cwd, sources.yaml.path), ...Object.keys(sources.files)];
  const git = async (...args: string[]) => {
    const { stdout, exitCode } = await execa('git', [...args, '--', ...files], { cwd, reject: false });
    return exitCode === 0 ? String(stdout).trim() : undefined;
  };
  const open = await git('status', '--porcelain');
  if (open === undefined) throw new AuthorUnknown(`${join(cwd, files[0] ?? '')} is in no git repository`, COMMIT);
  if (open !== '') throw new AuthorUnknown('The runbook or its files have changes that are not committed', COMMIT);
  const [name = '', mail = ''] = (await git('log', '-1', '--format=%aN%n%aE'))?.split('\n') ?? [];
  const people = Object.values(document.roles).flatMap((role) => role.people);
  const author =
    people.find((each) => each.mail?.toLowerCase() === mail.toLowerCase()) ??
    people.find((each) => sameName(each.name, name));
  if (author === undefined && people.length > 0) {
    const advice = 'If it is one of them, give that person the mail address of the commit (mail: …)';
    throw new AuthorUnknown(`The runbook names nobody who is ${name} <${mail}>, the author of its last change`, advice);
  }
  return author?.name ?? name;
}
