import { constants, lstat, open, realpath } from 'node:fs/promises';
import { sep } from 'node:path';

/** No runbook and no SQL file of one is anywhere near this. Bytes. */
const LIMIT = 1_048_576;

/**
 * Controls but for those of white space, and what turns the direction of writing: the text that a person reviews would not
 * be the text that is run. @see https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
 */
const DECEPTIVE = /(?![\t\n\f\r])\p{Cc}|[\u202A-\u202E\u2066-\u2069]/u;

/** A file that cannot be part of a runbook, in words that follow its name: `is a directory`. */
export class Unreadable extends Error {
  constructor(what: string, options?: ErrorOptions) {
    super(what, options);
    this.name = 'Unreadable';
  }
}

const WORDS: Record<string, string> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'may not be read by this user',
};

/**
 * Reads a text file whole.
 * @param folder where it must lie, after links are followed, and be no link itself: what was reviewed beside the runbook
 * is what is run
 * @throws Unreadable
 */
export async function readText(path: string, folder?: string): Promise<string> {
  try {
    if (folder !== undefined) await stayWithin(folder, path);
    // Non-blocking, or opening a named pipe would wait for its writer.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (stats.isDirectory()) throw new Unreadable('is a directory');
    if (!stats.isFile()) throw new Unreadable('is not a regular file');
    if (stats.size > LIMIT) throw new Unreadable(`has ${stats.size} bytes; at most ${LIMIT} are read`);
    return decoded(await file.readFile());
  } catch (error) {
    if (error instanceof Unreadable) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw new Unreadable(WORDS[code] ?? `cannot be read (${code || String(error)})`, { cause: error });
  }
}

async function stayWithin(folder: string, path: string): Promise<void> {
  if ((await lstat(path)).isSymbolicLink()) throw new Unreadable('is a symbolic link; name the file itself');
  const [inside, real] = await Promise.all([realpath(folder), realpath(path)]);
  if (!real.startsWith(inside.endsWith(sep) ? inside : inside + sep)) {
    throw new Unreadable("lies outside the runbook's folder");
  }
}

function decoded(bytes: Buffer): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Unreadable('is not UTF-8 text', { cause });
  }
  if (text.includes('\0')) throw new Unreadable('holds a zero byte; it is not text');
  const at = text.search(DECEPTIVE);
  if (at >= 0) {
    const line = text.slice(0, at).split('\n').length;
    const code = (text.codePointAt(at) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    throw new Unreadable(
      `holds the sign U+${code} on line ${line}, which would show otherwise than it is; write it as an escape`,
    );
  }
  return text;
}
