import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openSqliteJournal } from '../run/journal/sqlite.ts';
import { makeSqliteJournal, openingOf } from '../run/journal/sqlite-file.ts';
import { type Archive, NoSuchRun } from './archive.ts';
import { journalOf } from './runs.ts';

/** Journals in files, each in its run's folder below this one. A run is also known by a path to its file or folder. */
export function localArchive(folder: string): Archive {
  const pathOf = (run: string) => journalOf(join(folder, run));

  const named = (name: string) => {
    const path = resolve(name);
    const places = [...(path.endsWith('.sqlite') ? [path] : []), journalOf(path), pathOf(name)];
    return places.find((each) => existsSync(each));
  };

  const last = (names: string[]) =>
    names
      .flatMap((name) => {
        const at = openingOf(pathOf(name));
        return at === null ? [] : [{ path: pathOf(name), at }];
      })
      .toSorted((a, b) => b.at - a.at)[0]?.path;

  const known = async () => {
    const all = existsSync(folder) ? await readdir(folder) : [];
    return all.filter((each) => existsSync(pathOf(each)));
  };

  return {
    names: known,
    async open(name) {
      const names = await known();
      const path = name === undefined ? last(names) : named(name);
      if (path === undefined) throw new NoSuchRun(name, names, 'on this machine');
      return openSqliteJournal(path);
    },
    async make(run) {
      await mkdir(join(folder, run), { recursive: true, mode: 0o700 });
      makeSqliteJournal(pathOf(run));
      return openSqliteJournal(pathOf(run));
    },
  };
}
