import { Option } from 'commander';
import { coordinates } from '../postgres/coordinates.ts';
import { type Archive, WrongArguments } from './archive.ts';
import { databaseArchive, withoutPassword } from './database-archive.ts';
import { localArchive } from './local-archive.ts';
import { runsFolder } from './runs.ts';

/** How the conductor is told where its journal is: arguments can be read by everybody on a machine. */
export const JOURNAL_VARIABLE = 'RUNBOOK_JOURNAL';

/** `--journal`, for every command that looks at a run. Not checked by Commander, which would show it with its password. */
export function journalOption(): Option {
  const says = 'the database that keeps the journals, postgres://…; without it, files of this user';
  return new Option('--journal <url>', says).env(JOURNAL_VARIABLE).argParser(completed);
}

/** A URL as commands are told of it, without its password, gets that of the environment where this names the same database. */
function completed(url: string): string {
  const known = process.env[JOURNAL_VARIABLE];
  return known !== undefined && URL.canParse(known) && withoutPassword(known) === url ? known : url;
}

/** The archive that a command was told of: a database, or this user's folder. @throws WrongArguments */
export function archiveAt({ journal: url }: { journal?: string }): Archive {
  if (url === undefined) return localArchive(runsFolder());
  try {
    if (!/^postgres(ql)?:\/\//.test(url)) throw new TypeError('It is another kind of URL, or none.');
    coordinates({ DATABASE_URL: url });
  } catch {
    // The cause would carry the text, and the text a password.
    throw new WrongArguments(
      '--journal or RUNBOOK_JOURNAL is no URL of a database. Write postgres://user@host:5432/database, and other signs as %XX.',
    );
  }
  // The arguments of a process can be read by everybody on the machine, for as long as they stand there.
  if (process.argv.some((each) => each.includes(url))) process.title = 'runbook';
  return databaseArchive(url);
}
