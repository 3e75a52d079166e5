import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { journalOf, stateOf } from '../src/cli/runs.ts';
import { openSqliteJournal } from '../src/run/journal/sqlite.ts';
import { compile } from '../test/faults/program.ts';
import type { Bench } from './database.ts';
import { median, type Row } from './result.ts';

const MANY = 50;
/** How long terminals run or are halted, in ms for each row of the table: some twenty times in a fill. */
const WINDOW = 0.005;
/** Orders from which on the backfill takes long enough for so many terminals to show it. */
const WORTH = 200_000;
/** After so long, in ms, a new process has compiled what it needs; that is not what it costs to have it there. */
const SETTLED = 40_000;

const RUNBOOK = `
runbook: 1
id: fill
title: Fill a column
window: { opens: 2026-01-01T00:00:00Z, closes: 2026-01-01T01:00:00Z }
roles:
  ops: { title: Operator, people: [{ name: Ada }] }
lists:
  tables: [{ name: orders, schema: public }]
timeline:
  - id: filling
    title: Filling
    at: 00:00
    estimate: 10m
    owner: ops
    steps:
      - { id: ready, kind: decision, title: Ready, question: Is everybody here?, options: [{ choose: begin, says: Fill., effect: proceed }] }
      - { id: fill, kind: backfill, title: Fill, tables: tables, file: fill.sql, remaining: remaining.sql, workers: 2 }
rollback: { approver: ops }
`;
const FILL = `update :"schema".:"name" as it set tenant_id = it.org_id
  where it.ctid >= :'from_tid'::tid and it.ctid < :'to_tid'::tid
    and get_byte(tidsend(it.ctid), 5) % :'slices'::int <= :'slice'::int and it.tenant_id is null;`;
const REMAINING = 'select count(*) from :"schema".:"name" where tenant_id is null and org_id is not null;';

/** Waits for something to become so. */
async function until<T>(what: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const found = await what();
    if (found !== undefined) return found;
    await delay(20);
  }
}

/** A screen on a terminal of its own. @returns its process, and how long it took to its first frame, in ms */
async function attached(
  program: string,
  env: NodeJS.ProcessEnv,
): Promise<{ screen: ChildProcess; firstFrameMs: number }> {
  const began = performance.now();
  const command = `stty rows 45 cols 160; exec ${process.execPath} ${program} attach --as ops`;
  const screen = spawn('script', ['--quiet', '--flush', '--command', command, '/dev/null'], {
    env: { ...env, TERM: 'xterm-256color' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let seen = '';
  const onText = (text: Buffer) => {
    seen += text.toString();
  };
  screen.stdout?.on('data', onText);
  await until(() => (seen.includes('PRODUCTION') ? true : undefined));
  const firstFrameMs = performance.now() - began;
  screen.stdout?.off('data', onText).resume();
  return { screen, firstFrameMs };
}

interface Filled {
  /** Rows a second, window after window: while the terminals ran, while they were halted, and so on. */
  windows: number[];
  firstFrameMs: number;
}

/**
 * Has a backfill done with so many screens on it, which are let run and halted in turn: what else speeds or slows it does so both
 * times, which from one fill to the next it does not. What falls due while they are halted is done, and counted, while they run.
 */
async function filled(bench: Bench, program: string, orders: number, terminals: number): Promise<Filled> {
  const copy = await bench.copy(orders, { only: 'orders' });
  const folder = await mkdtemp(join(tmpdir(), 'middlewatch-bench-'));
  const screens: ChildProcess[] = [];
  try {
    // A vacuum slows a gentle backfill, and comes when it likes.
    await copy.pool.query('alter table public.orders add column tenant_id uuid, set (autovacuum_enabled = off)');
    for (const [name, text] of Object.entries({
      'runbook.yaml': RUNBOOK,
      'fill.sql': FILL,
      'remaining.sql': REMAINING,
    })) {
      await writeFile(join(folder, name), text);
    }
    const env = { ...process.env, ...copy.env, XDG_STATE_HOME: folder };
    const opens = new Date().toISOString();
    const runbook = (...args: string[]) =>
      execa(process.execPath, [program, ...args], { env, stdin: 'ignore', reject: false });
    let over = false;
    const run = runbook('run', join(folder, 'runbook.yaml'), '--opens', opens, '--report', folder, '--plain').finally(
      () => {
        over = true;
      },
    );
    const path = journalOf(join(folder, 'middlewatch', 'runs', `fill-${opens.slice(0, 10)}`));
    const state = async () => {
      const journal = await openSqliteJournal(path).catch(() => undefined);
      const now = journal && stateOf(await journal.read(0));
      await journal?.close();
      return now ?? undefined;
    };
    await until(async () => ((await state())?.prompts.length ? true : undefined));
    const first = await attached(program, env);
    screens.push(first.screen);
    const others = await Promise.all(Array.from({ length: terminals - 1 }, () => attached(program, env)));
    screens.push(...others.map(({ screen }) => screen));
    if (terminals === MANY) await delay(SETTLED);
    const processes = Object.keys((await state())?.terminals ?? {}).map((name) => Number(name.split(':').at(-1)));
    const signal = (name: 'SIGSTOP' | 'SIGCONT') => {
      for (const pid of processes) {
        try {
          process.kill(pid, name);
        } catch {
          // It has ended with the run.
        }
      }
      // Script halts when what runs in it does.
      if (name === 'SIGCONT') for (const screen of screens) screen.kill(name);
    };
    const done = async () => {
      const { rows } = await copy.pool.query<{ rows: string }>(
        'select coalesce(sum(rows_done), 0) as rows from middlewatch.cursor',
      );
      return Number(rows[0]?.rows);
    };
    const answered = runbook('answer', '--choose', 'begin', '--as', 'ops');
    await until(async () => ((await done()) > 0 ? true : undefined));
    const windows: number[] = [];
    for (let running = true; ; running = !running) {
      const before = await done();
      const began = performance.now();
      await delay(orders * WINDOW);
      const rows = (await done()) - before;
      if (over || before + rows >= orders) break;
      windows.push((rows * 1_000) / (performance.now() - began));
      signal(running ? 'SIGSTOP' : 'SIGCONT');
    }
    signal('SIGCONT');
    await answered;
    await run;
    return { windows, firstFrameMs: first.firstFrameMs };
  } finally {
    for (const screen of screens) {
      screen.kill();
      // One that is halted ends once it goes on.
      screen.kill('SIGCONT');
    }
    await copy.drop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** How many times as long a row took in each window with terminals as in those without, just before and after it. */
function timesAsLong(windows: readonly number[]): number[] {
  return windows.flatMap((own, index) => {
    const beside = [windows[index - 1], windows[index + 1]].filter((rate) => rate !== undefined);
    return index % 2 === 1 ? [] : beside.map((rate) => rate / own);
  });
}

/** What terminals of the program as it is shipped cost a backfill that they look at, and how long one takes to its first frame. */
export async function terminalRows(bench: Bench, orders: number, turns: number): Promise<Row[]> {
  const many = orders < WORTH ? 2 : MANY;
  const fills: Filled[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'middlewatch-bench-'));
  await using after = new AsyncDisposableStack();
  after.defer(() => rm(folder, { recursive: true, force: true }));
  const program = await compile(join(folder, 'program'));
  for (let turn = 0; turn < turns; turn += 1) fills.push(await filled(bench, program, orders, many));
  const rate = (halted: 0 | 1) =>
    median(fills.flatMap(({ windows }) => windows.filter((_, index) => index % 2 === halted)));
  const ratio = median(fills.flatMap(({ windows }) => timesAsLong(windows)));
  const firstFrame = median(fills.map(({ firstFrameMs }) => firstFrameMs)) / 1_000;
  return [
    {
      name: `backfill while ${many} terminals run, against the same while they are halted`,
      ours: rate(0),
      against: rate(1),
      unit: 'rows/s',
      ratio,
      target: 'at most 1.05',
      met: ratio <= 1.05,
    },
    {
      name: 'runbook attach to its first frame',
      ours: firstFrame,
      against: null,
      unit: 's',
      ratio: firstFrame,
      target: 'about a second',
      met: firstFrame <= 1.5,
    },
  ];
}
