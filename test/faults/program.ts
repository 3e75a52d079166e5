import { cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

const ROOT = join(import.meta.dirname, '../..');

/** Compiles the program as it is shipped, which starts in half the time of its sources. @returns the path to begin it at */
export async function compile(folder: string): Promise<string> {
  await mkdir(folder);
  await execa('tsc', ['-p', 'tsconfig.build.json', '--outDir', join(folder, 'dist')], { cwd: ROOT, preferLocal: true });
  await cp(join(ROOT, 'package.json'), join(folder, 'package.json'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, 'dist/cli/main.js');
}
