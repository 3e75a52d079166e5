import { access, constants, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';

/**
 * The absolute path of the folder for this run's report, which is made: that it cannot be written is found out before the
 * run, not after it.
 */
export async function reportFolder(reports: string, run: string, command: Command): Promise<string> {
  const folder = resolve(join(reports, run));
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.W_OK);
  } catch (error) {
    command.error(
      `error: the report cannot be written to ${folder}: ${error instanceof Error ? error.message : error}`,
    );
  }
  return folder;
}
