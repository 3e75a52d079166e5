import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import type { JournalRecord, Prompt, RunEvent } from '../../src/run/events.ts';
import { fold } from '../../src/run/fold/fold.ts';
import { chained, GENESIS, verified } from '../../src/run/journal/chain.ts';
import type { RunState } from '../../src/run/state.ts';
import { sources } from '../runbook/document.ts';

/** A folder that is gone after the test. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'middlewatch-test-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A key made by ssh-keygen: where its private half is, and the line of its public one. */
export async function newKey(
  ...[type = 'ed25519', passphrase = '']: string[]
): Promise<{ file: string; line: string }> {
  const file = join(await folder(), 'key');
  await execa('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', 'somebody@host', '-f', file]);
  return { file, line: (await readFile(`${file}.pub`, 'utf8')).trim() };
}

/** The question of a sign-off that has to be signed. */
export const APPROVAL: Prompt = {
  id: 'approve',
  round: 1,
  kind: 'signoff',
  question: 'Approval granted',
  evidence: [{ kind: 'rows', title: 'The run so far', columns: ['activity'], rows: [['Before']], more: 0 }],
  options: [
    { choose: 'sign', says: 'I stand by this statement.', effect: 'proceed', reason: false },
    { choose: 'refuse', says: 'I do not.', effect: 'abort', reason: true },
  ],
  who: ['lead'],
  signed: true,
};

/** A run in which these questions are asked of people who have these keys, `Grace` and `Barbara` for lead. */
export function asking(
  signers: Record<string, string[]>,
  { run = 'n', rehearsal = false, prompts = [APPROVAL], yaml = '' } = {},
): { state: RunState; happens(at: number, event: RunEvent): RunState } {
  const people = { dev: ['Ada'], lead: ['Grace', 'Barbara'] };
  const by = { name: 'Ada', role: 'dev' };
  let state: RunState | null = null;
  let last: Pick<JournalRecord, 'seq' | 'hash'> = { seq: 0, hash: GENESIS };
  const happens = (at: number, event: RunEvent): RunState => {
    const [record] = verified(last, [chained(last, at, event)]);
    if (!record) throw new Error('no record');
    last = record;
    state = fold(state, record);
    return state;
  };
  const written = sources(yaml);
  happens(0, { type: 'run-opened', run, sources: written, opens: 0, settings: {}, people, signers, rehearsal, by });
  for (const prompt of prompts) happens(1, { type: 'prompt-opened', prompt });
  return { state: state as unknown as RunState, happens };
}
