import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { ExecaError, execa } from 'execa';
import type { Signing } from '../run/answering/proof.ts';
import { NAMESPACE, type SignerKey } from '../runbook/signer-keys.ts';
import { inert } from '../ui/inert.ts';
import { print } from './print.ts';

/** No signature came of it; nothing was put on record. */
export class NotSigned extends Error {
  constructor(why: string, options?: ErrorOptions) {
    super(why, options);
    this.name = 'NotSigned';
  }
}

/** Whoever was to sign has pressed Ctrl+C instead. */
export class SigningStopped extends NotSigned {
  constructor(options?: ErrorOptions) {
    super('It was stopped before it was signed.', options);
    this.name = 'SigningStopped';
  }
}

const END = '-----END SSH SIGNATURE-----';

function failure(error: unknown, doing: string): NotSigned {
  if (!(error instanceof ExecaError)) throw error;
  if (error.signal === 'SIGINT') return new SigningStopped({ cause: error });
  if (error.code === 'ENOENT') {
    const advice = 'Install the OpenSSH client, or sign on another machine and paste the signature.';
    return new NotSigned(`There is no ssh-keygen on this machine. ${advice}`, { cause: error });
  }
  const said = String(error.stderr).trim().split('\n').at(-1) ?? '';
  return new NotSigned(`${doing}: ${said === '' ? error.shortMessage : said}`, { cause: error });
}

/** Lets Ctrl+C end what is under way here, and not this process with it. */
async function stoppable<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const onInterrupt = () => stop.abort();
  process.on('SIGINT', onInterrupt);
  try {
    return await work(stop.signal);
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

/**
 * Signs a text with the key of a file, or, when the file holds a public key, with the agent that has it. ssh-keygen asks for
 * the passphrase itself, on the terminal, and is ended by Ctrl+C there.
 * @throws NotSigned, SigningStopped
 */
export async function signWith(file: string, text: string): Promise<string> {
  try {
    const args = ['-Y', 'sign', '-n', NAMESPACE, '-f', file];
    const options = { input: text, stripFinalNewline: false, env: { LC_ALL: 'C' } } as const;
    const { stdout } = await stoppable(() => execa('ssh-keygen', args, options));
    return stdout;
  } catch (error) {
    throw failure(error, `ssh-keygen could not sign with ${file}`);
  }
}

/** The keys the agent holds, in base64; none when there is no agent. */
async function agentKeys(): Promise<string[]> {
  const { stdout } = await execa('ssh-add', ['-L'], { reject: false, stdin: 'ignore' });
  return (stdout ?? '').split('\n').flatMap((line) => line.split(' ')[1] ?? []);
}

/** The private keys in ~/.ssh whose public halves are among these. */
async function keyFiles(keys: readonly SignerKey[]): Promise<string[]> {
  const folder = join(homedir(), '.ssh');
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.pub'));
  const found = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8').catch(() => '');
      return keys.some(({ blob }) => text.includes(blob)) ? [join(folder, name.slice(0, -'.pub'.length))] : [];
    }),
  );
  return found.flat();
}

/** Signs with a key that is at hand here; undefined when none is. @throws NotSigned */
async function signAtHand(text: string, keys: readonly SignerKey[]): Promise<string | undefined> {
  const held = await agentKeys();
  const inAgent = keys.find(({ blob }) => held.includes(blob));
  if (inAgent) {
    const folder = await mkdtemp(join(tmpdir(), 'middlewatch-'));
    try {
      const file = join(folder, 'key.pub');
      await writeFile(file, `${inAgent.type} ${inAgent.blob}\n`);
      print(`\n${text}\nThe SSH agent has the key; one of a hardware token wants to be touched.\n`);
      return await signWith(file, text);
    } finally {
      await rm(folder, { recursive: true });
    }
  }
  const [file] = await keyFiles(keys);
  if (file === undefined) return undefined;
  print(`\n${text}\nSigning with ${inert(file)}.\n`);
  return await signWith(file, text);
}

/** What to type on the machine that has the key. */
function elsewhere(text: string): string {
  return `ssh-keygen -Y sign -n ${NAMESPACE} -f ~/.ssh/id_ed25519 <<'END'\n${text}END\n`;
}

/** A signature as it is pasted, up to its last line; null when an empty line came first, or nothing at all. @throws SigningStopped */
async function pasted(stop: AbortSignal): Promise<string | null> {
  const reader = createInterface({ input: process.stdin, signal: stop });
  let text = '';
  try {
    for await (const line of reader) {
      if (line.trim() === '') return null;
      text += `${line}\n`;
      if (line.includes(END)) return text;
    }
    if (stop.aborted) throw new SigningStopped();
    return null;
  } finally {
    reader.close();
  }
}

/**
 * Has the person at this terminal sign a statement: with a key of the agent or of ~/.ssh, else elsewhere, from where the
 * signature is pasted.
 * @returns null when they let it be
 * @throws SigningStopped
 */
export async function signHere({ statement, by, keys }: Signing): Promise<string | null> {
  print(`\n${inert(by.name)} is asked for a signature.\n`);
  let why = `No key of ${by.name} is at hand here, neither in an SSH agent nor in ~/.ssh.`;
  try {
    const signature = await signAtHand(statement, keys);
    if (signature !== undefined) return signature;
  } catch (error) {
    if (!(error instanceof NotSigned) || error instanceof SigningStopped) throw error;
    why = error.message;
  }
  print(`\n${inert(why)}\nWhere the key is, this signs it:\n\n${elsewhere(statement)}\n`);
  print('Paste what it prints, from BEGIN to END; an empty line goes back without signing.\n');
  return await stoppable(pasted);
}
