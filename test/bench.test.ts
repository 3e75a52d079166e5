import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import type { Row } from '../bench/result.ts';

const MAIN = fileURLToPath(new URL('../bench/main.ts', import.meta.url));

it('every row of the benchmark can be measured', async () => {
  const { stdout } = await execa('tsx', [MAIN, '--rows', '8000', '--turns', '1', '--json'], { preferLocal: true });
  const rows: Row[] = JSON.parse(stdout);
  expect(rows.length).toBeGreaterThan(10);
  for (const { name, ours, ratio, target, met } of rows) {
    expect(Number.isFinite(ours), name).toBe(true);
    expect(Number.isFinite(ratio), name).toBe(true);
    expect(met === null, name).toBe(target === 'reported');
  }
}, 180_000);
