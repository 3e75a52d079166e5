import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a running server says about itself in its data directory. */
export interface Postmaster {
  pid: number;
  data: string;
  port: number;
  ready: boolean;
}

/** Reads postmaster.pid, whose lines PostgreSQL's utils/pidfile.h sets down; null when there is none, or not yet a whole one. */
export async function readPostmaster(data: string): Promise<Postmaster | null> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  const [pid, directory, , port, , , , status] = text.split('\n');
  if (!pid || !directory || !port) return null;
  return { pid: Number(pid), data: directory, port: Number(port), ready: status?.trim() === 'ready' };
}
