import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { PROOF_WORDS } from '../run/answering/proof.ts';
import { type Audit, audit } from '../run/audit.ts';
import type { JournalRecord, RunEvent } from '../run/events.ts';
import { GENESIS, verified } from '../run/journal/chain.ts';
import { JournalBroken } from '../run/journal/journal.ts';
import { jsonText } from '../run/json-text.ts';
import { inert } from '../ui/inert.ts';
import { WrongArguments } from './archive.ts';
import { archiveAt, journalOption } from './journal-option.ts';
import { print } from './print.ts';
import { stateOf } from './runs.ts';

interface Flags {
  journal?: string;
  head?: string;
  file?: string;
}

/** The journal ends before a record that it once had, or is of another run. */
class TailMissing extends Error {
  constructor(head: string, records: number) {
    super(
      `No record has the hash ${head}. The journal ends with record ${records}: what came after it has been cut away, ` +
        'or this is the journal of another run. Keep it and show it to a second person.',
    );
    this.name = 'TailMissing';
  }
}

async function recordsOf(name: string | undefined, flags: Flags): Promise<JournalRecord[]> {
  if (flags.file !== undefined) return exported(flags.file);
  const journal = await archiveAt(flags).open(name);
  try {
    return await journal.read(0);
  } finally {
    await journal.close();
  }
}

/** Records that `export` wrote, read back. @throws JournalBroken */
async function exported(path: string): Promise<JournalRecord[]> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new WrongArguments(`--file ${path} cannot be read: ${error.message}`);
  });
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const stored = lines.map((line, index) => {
    try {
      const { seq, at, prev, hash, event } = JSON.parse(line) ?? {};
      return { seq, at, prev, hash, event: JSON.stringify(event) };
    } catch (cause) {
      throw new JournalBroken(index + 1, 'is not JSON', { cause });
    }
  });
  return verified({ seq: 0, hash: GENESIS }, stored);
}

/** A conductor's lease is newer than that of each before it, or somebody has been at the lease. @throws JournalBroken */
function checkLeases(records: readonly JournalRecord[]): void {
  let newest = 0;
  for (const { seq, event } of records) {
    if (event.type !== 'conductor-started') continue;
    if (event.token <= newest)
      throw new JournalBroken(seq, 'is of a conductor whose lease was that of another before it');
    newest = event.token;
  }
}

/** What is to be said of the head that somebody kept. @throws TailMissing */
function aboutHead(records: readonly JournalRecord[], given: string): string {
  const head = given.toLowerCase();
  if (!/^[0-9a-f]{12,64}$/.test(head)) {
    throw new WrongArguments(
      '--head takes the hash of a record as it was printed or sent, or its first 12 signs or more.',
    );
  }
  const record = records.find(({ hash }) => hash.startsWith(head));
  if (record === undefined) throw new TailMissing(head, records.length);
  const after = records.length - record.seq;
  return `The hash that was given is of record ${record.seq}, ${after === 0 ? 'the last' : `with ${after} after it`}.\n`;
}

/** What is to be said of the proofs on record. */
function aboutProofs({ words, hold, refused }: Audit): string {
  const given = (['signed', 'named', 'rehearsal'] as const).filter((proof) => words[proof] > 0);
  const counted = given.map((proof) => `${words[proof]} ${PROOF_WORDS[proof]}`).join('; ');
  const signatures =
    hold === 0 ? '' : `Signatures: ${hold} judged again by the keys of the pinned runbook, all hold.\n`;
  const others = refused.map(
    ({ seq, name, prompt, why }) => `${inert(`Record ${seq}, ${name} to ${prompt}, never counted: ${why}`)}\n`,
  );
  return `Sign-offs and approvals: ${counted === '' ? 'none has counted' : counted}.\n${signatures}${others.join('')}`;
}

async function verify(name: string | undefined, flags: Flags): Promise<void> {
  const records = await recordsOf(name, flags);
  if (records.length === 0) throw new JournalBroken(1, 'is missing');
  stateOf(records);
  checkLeases(records);
  const proofs = aboutProofs(audit(records));
  const kept = flags.head === undefined ? '' : aboutHead(records, flags.head);
  const head = records.at(-1)?.hash;
  print(`${records.length} records, each following from the one before it; head ${head}\n${proofs}${kept}`);
}

async function exportLines(name: string | undefined, flags: Flags): Promise<void> {
  for (const record of await recordsOf(name, flags)) print(`${jsonText(record)}\n`);
}

/** What a record is about, as far as a line has room. */
function about(event: RunEvent): string {
  if (event.type === 'prompt-answered') {
    const { prompt, choose, by, proof } = event.answer;
    return `${prompt}: ${choose}, ${by.name} (${by.role}), ${PROOF_WORDS[proof]}`;
  }
  if ('step' in event) return String(event.step);
  return 'prompt' in event ? JSON.stringify(event.prompt) : '';
}

async function list(name: string | undefined, flags: Flags): Promise<void> {
  for (const { seq, at, event } of await recordsOf(name, flags)) {
    const lead = `${String(seq).padStart(5)}  ${new Date(at).toISOString()}  ${inert(event.type)}`;
    print(`${lead} ${inert(about(event)).slice(0, 100)}\n`);
  }
}

/** `runbook journal`: the records of a run as they are, or whether they are whole. */
export function register(program: Command): void {
  const journal = program.command('journal').description('the records of a run: list, verify, export');
  const command = (name: string, about: string) =>
    journal
      .command(name)
      .description(about)
      .argument('[run]', 'its name, or a path; the one opened last by default')
      .addOption(journalOption());
  command('list', 'one line a record').action(list);
  command('verify', 'whether every record follows from the one before it, and every signature holds')
    .option('--head <hash>', 'the hash that was printed, sent or reported at the end, to see whether the tail was cut')
    .option('--file <path>', 'look at what `export` wrote, not at a journal')
    .action(verify);
  command('export', 'as JSON lines').action(exportLines);
}
