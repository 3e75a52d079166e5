import { fitted } from './issue-words.ts';
import { namedFiles } from './named-files.ts';
import { outline } from './outline.ts';
import type { Problem } from './problems.ts';
import * as earlier from './rules/earlier.ts';
import * as names from './rules/names.ts';
import * as placeholders from './rules/placeholders.ts';
import * as rehearsal from './rules/rehearsal.ts';
import * as signatures from './rules/signatures.ts';
import * as stepRules from './rules/steps.ts';
import * as times from './rules/times.ts';
import { type Document, document, type Sources } from './schema.ts';
import { brief } from './shown.ts';
import { checkSql } from './sql-check.ts';
import { parseYaml } from './yaml-text.ts';

const RULES = [names, earlier, times, stepRules, placeholders, rehearsal, signatures].flatMap((rules) =>
  Object.values(rules),
);

/**
 * Everything that is wrong with a runbook, found without a database. `document` is there when its form is right;
 * `statements` counts the SQL that was parsed.
 * @param unreadable why files could not be read, by name; others that are missing are reported as such
 */
export function inspect(
  sources: Sources,
  unreadable: ReadonlyMap<string, string> = new Map(),
): { document: Document | undefined; problems: Problem[]; statements: number } {
  const yaml = parseYaml(sources.yaml);
  if (yaml.problems.length > 0) return { document: undefined, problems: yaml.problems, statements: 0 };
  const { data, problems } = fitted(document, yaml);
  for (const { file, path } of namedFiles(yaml.value)) {
    if (Object.hasOwn(sources.files, file)) continue;
    const why = unreadable.get(file) ?? 'is not among the files of this runbook';
    const meant = /\S\s+\S/.test(file) ? '; SQL goes into a file of its own, which is named here' : '';
    problems.push(yaml.at(path, `${brief(file)} ${why}${meant}`));
  }
  // Without a timeline, most of what is referred to would be missing.
  if (!hasTimeline(yaml.value)) return { document: undefined, problems, statements: 0 };
  const parts = outline(yaml.value);
  for (const rule of RULES) rule(parts, (path, message, part) => problems.push(yaml.at(path, message, part)));
  const sql = checkSql(sources, parts, yaml);
  return { document: data, problems: [...problems, ...sql.problems], statements: sql.statements };
}

function hasTimeline(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'timeline' in value && Array.isArray(value.timeline);
}
