import { hash } from 'node:crypto';
import { dirname, join, normalize, resolve, sep } from 'node:path';
import { inspect } from './inspect.ts';
import { fitted } from './issue-words.ts';
import { namedFiles } from './named-files.ts';
import { type Opening, planRunbook, type Runbook } from './plan.ts';
import { asTyped, RunbookInvalid } from './problems.ts';
import { readText, Unreadable } from './read-text.ts';
import { document, type SourceFile, type Sources } from './schema.ts';
import { parseYaml } from './yaml-text.ts';

/**
 * Reads a runbook and every file it names. When a file cannot be read, everything else that is wrong is found as well.
 * @throws RunbookInvalid
 */
export async function readSources(path: string): Promise<Sources> {
  const whole = resolve(path);
  const folder = dirname(whole);
  let yaml: SourceFile;
  try {
    yaml = sourceFile(whole, await readText(whole));
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    throw new RunbookInvalid([{ file: asTyped(whole), line: 1, column: 1, message: error.message }]);
  }
  const sources: Sources = { yaml, files: {} };
  const unreadable = new Map<string, string>();
  for (const { file } of namedFiles(parseYaml(yaml).value)) {
    if (Object.hasOwn(sources.files, file) || unreadable.has(file)) continue;
    try {
      if (leaves(file)) throw new Unreadable("lies outside the runbook's folder");
      sources.files[file] = sourceFile(file, await readText(join(folder, file), folder));
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      unreadable.set(file, error.message);
    }
  }
  if (unreadable.size > 0) throw new RunbookInvalid(inspect(sources, unreadable).problems);
  return sources;
}

/**
 * Makes a runbook of its sources, worked out for one opening.
 * @throws RunbookInvalid with everything that is wrong
 */
export function parseRunbook(sources: Sources, opening: Opening = {}): Runbook {
  const { document, problems } = inspect(sources);
  if (document === undefined || problems.length > 0) throw new RunbookInvalid(problems);
  return planRunbook(document, sources, opening);
}

/**
 * Makes a runbook of sources that a journal holds: `parseRunbook` found nothing wrong with them when they were pinned, and
 * its checks take longer than all else that a terminal does to attach.
 * @throws RunbookInvalid when they are not even of a runbook's form
 */
export function reopenRunbook(sources: Sources, opening: Opening): Runbook {
  const yaml = parseYaml(sources.yaml);
  const { data, problems } =
    yaml.problems.length > 0 ? { data: undefined, problems: yaml.problems } : fitted(document, yaml);
  if (data === undefined) throw new RunbookInvalid(problems);
  return planRunbook(data, sources, opening);
}

function sourceFile(path: string, text: string): SourceFile {
  return { path, text, hash: hash('sha256', text) };
}

/** Whether a path, as written, points out of the folder it is taken from. */
function leaves(path: string): boolean {
  const normal = normalize(path);
  return normal === '..' || normal.startsWith(`..${sep}`) || normal.startsWith(sep);
}

/** How many SQL statements a runbook's files hold. */
export function statementCount(sources: Sources): number {
  return inspect(sources).statements;
}
