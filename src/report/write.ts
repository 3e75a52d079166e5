import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JournalRecord } from '../run/events.ts';
import { jsonText } from '../run/json-text.ts';
import { markdown } from './markdown.ts';
import { type Report, timingReport } from './report.ts';

/** The report as JSON: the same bytes for the same report. */
export function json(report: Report): string {
  return `${jsonText(report, 2)}\n`;
}

async function put(path: string, text: string): Promise<string> {
  await writeFile(`${path}.part`, text, { mode: 0o600 });
  await rename(`${path}.part`, path);
  return path;
}

/**
 * Writes report.md and report.json into a folder, which is made when it is not there; only their owner may read them,
 * because evidence may show rows.
 * @returns where they are
 * @throws EmptyJournal
 */
export async function writeReport(
  records: readonly JournalRecord[],
  folder: string,
): Promise<{ markdown: string; json: string }> {
  const report = timingReport(records);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    markdown: await put(join(folder, 'report.md'), markdown(report)),
    json: await put(join(folder, 'report.json'), json(report)),
  };
}
