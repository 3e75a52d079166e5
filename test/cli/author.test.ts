import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AuthorUnknown, authorOf } from '../../src/cli/author.ts';
import { parseRunbook, readSources } from '../../src/runbook/sources.ts';

const RUNBOOK = `
runbook: 1
id: night
title: A night
window: { opens: 2030-03-04T02:00:00Z, closes: 2030-03-04T04:00:00Z }
roles:
  lead: { title: Tech Lead, people: [{ name: Ada Lovelace, mail: ada@example.com }, { name: Grace Hopper }] }
rollback: { approver: lead }
timeline:
  - id: go
    title: Go
    at: "02:00"
    estimate: 10m
    owner: lead
    steps:
      - { id: approve, title: Approval, kind: signoff, role: lead, statement: Granted, not_by_author: true }
`;

let folder: string;
const git = (...args: string[]) => execa('git', args, { cwd: folder });
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  await git('init', '--quiet');
  await writeFile(join(folder, 'runbook.yaml'), RUNBOOK);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The author that is found when somebody of this name and address has committed the last change. */
async function found(name: string, mail: string): Promise<string | undefined> {
  await writeFile(join(folder, 'runbook.yaml'), `# ${name} <${mail}>\n${RUNBOOK}`);
  await git('add', '.');
  await git('-c', `user.name=${name}`, '-c', `user.email=${mail}`, 'commit', '--quiet', '--message=A change');
  return await authorOf(parseRunbook(await readSources(join(folder, 'runbook.yaml'))));
}

it('knows the author of the last commit by mail address or name, however these are capitalised', async () => {
  expect(await found('al', 'Ada@Example.com')).toBe('Ada Lovelace');
  expect(await found('grace  hopper', 'grace@home.example')).toBe('Grace Hopper');
});

it('does not go on with an author whom nobody knows, and might be any of those who sign', async () => {
  await expect(found('gh', 'gh@home.example')).rejects.toThrow(AuthorUnknown);
  await writeFile(join(folder, '.mailmap'), 'Grace Hopper <gh@home.example>\n');
  expect(await found('gh', 'gh@home.example')).toBe('Grace Hopper');
  await writeFile(join(folder, 'runbook.yaml'), RUNBOOK);
  const changed = authorOf(parseRunbook(await readSources(join(folder, 'runbook.yaml'))));
  await expect(changed).rejects.toThrow(/not committed/);
});
