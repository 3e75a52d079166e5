import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { type Kind, tried } from '../kind.ts';
import type { Trial } from '../trial.ts';

/** The disk of the journal runs full in the middle of a run: a small one of its own, really full. Mounting it needs root. */
export const disks: Kind = async ({ lab, random, full }, onOutcome) => {
  for (let i = full ? 10 : 1; i > 0; i -= 1) {
    const disk = join(lab.folder, `disk-${i}`);
    await mkdir(disk);
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', disk]);
    lab.atEnd(() => execa('umount', ['-l', disk], { reject: false }));
    const seq = random.between(3, lab.appends - 2);
    try {
      const outcome = await tried(lab, `the disk is full from record ${seq} on`, (trial) => fill(trial, disk, seq), {
        runs: disk,
      });
      onOutcome(outcome);
    } finally {
      await execa('umount', [disk]);
    }
  }
};

async function fill(trial: Trial, disk: string, seq: number): Promise<number> {
  const conductor = trial.start();
  while (conductor.process.exitCode === null && ((await trial.state())?.seq ?? 0) < seq) await delay(2);
  const filler = join(disk, 'filler');
  const { bavail, bsize } = await statfs(disk);
  await writeFile(filler, Buffer.alloc(bavail * bsize)).catch(() => undefined);
  await writeFile(`${filler}-2`, Buffer.alloc(bsize * 16)).catch(() => undefined);
  await trial.ended(conductor);
  await Promise.all([filler, `${filler}-2`].map((path) => rm(path, { force: true })));
  return conductor.process.exitCode === 0 ? 0 : 1;
}
