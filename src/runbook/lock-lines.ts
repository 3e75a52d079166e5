import { BLOCKS, blocksWrites, inWords, LOCK_MODES, type LockMode } from './lock-modes.ts';
import type { Runbook } from './plan.ts';
import { type StatementLocks, stepLocks } from './step-locks.ts';

/** Tables by name, the first few of them, and those that are only known in words. */
function named(tables: Iterable<string>): string {
  const names = [...tables].filter((it) => !inWords(it));
  const words = [...tables].filter(inWords);
  const few = names.length <= 3 ? names : [names[0], `${names[1]} and ${names.length - 2} more`];
  return [...few, ...words].join(', ');
}

interface Told {
  words: Set<string>;
  on: Set<string>;
  mode: LockMode;
  lasts: string;
  undo: boolean;
}

/**
 * What is going to be locked, a line for each strength: by what, in which mode on what, what that blocks, and for how long.
 * @param groups what is locked together, to the end of one transaction: of several locks on one table the strongest is
 *   told, and those that last
 */
export function lockLines(groups: StatementLocks[][]): string[] {
  const lines = new Map<string, Told>();
  for (const group of groups.flatMap((each) => [each.filter(({ undo }) => !undo), each.filter(({ undo }) => undo)])) {
    const strongest = new Map<string, number>();
    for (const { mode, on } of group.flatMap(({ locks }) => locks)) {
      strongest.set(on, Math.max(strongest.get(on) ?? 0, LOCK_MODES.indexOf(mode)));
    }
    for (const { statement, locks, long, undo } of group) {
      for (const { mode, on } of locks) {
        if (long === undefined && LOCK_MODES.indexOf(mode) < (strongest.get(on) ?? 0)) continue;
        const lasts = long?.says ?? (mode === 'ROW EXCLUSIVE' || mode === 'ROW SHARE' ? '' : 'for a moment');
        const key = JSON.stringify([undo, mode, lasts]);
        const line = lines.get(key) ?? { words: new Set(), on: new Set(), mode, lasts, undo };
        lines.set(key, line);
        line.words.add(statement);
        line.on.add(on);
      }
    }
  }
  const unknown = groups
    .flat()
    .flatMap(({ unknown, ...rest }) => (unknown === undefined ? [] : [{ ...rest, unknown }]));
  return [
    ...[...lines.values()].toSorted(heaviestFirst).map(lineOf),
    ...[...Map.groupBy(unknown, ({ undo, unknown }) => `unknown: ${unknown}${undo ? ' (undo)' : ''}`)].map(
      ([why, these]) => `${[...new Set(these.map(({ statement }) => statement))].join(', ')}: ${why}`,
    ),
  ];
}

const heaviestFirst = (a: Told, b: Told): number =>
  Number(a.undo) - Number(b.undo) || LOCK_MODES.indexOf(b.mode) - LOCK_MODES.indexOf(a.mode);

function lineOf({ words, on, mode, lasts, undo }: Told): string {
  const blocks = [BLOCKS[mode], ...(lasts === '' ? [] : [lasts])].join(', ');
  return `${undo ? 'undo: ' : ''}${[...words].join(', ')}: ${mode} on ${named(on)}: ${blocks}`;
}

/** A lock that may hold up an application for longer than a moment. */
export interface LockWarning {
  file: string;
  line: number;
  message: string;
}

/** What a runbook is going to lock, by the ids of the steps that do. */
export function runbookLockLines(runbook: Runbook): string[] {
  const groups = runbook.activities.flatMap(({ steps }) =>
    steps.map((step) => {
      const id = step.id.split('.')[0] ?? step.id;
      return stepLocks(runbook, step).map((found) => ({ ...found, statement: id }));
    }),
  );
  return lockLines(groups);
}

/** What of a runbook's SQL blocks writes, or reads too, for long, or may wait long for what does. Each place is told once. */
export function lockWarnings(runbook: Runbook): LockWarning[] {
  const warnings = new Map<string, LockWarning>();
  for (const found of runbook.activities.flatMap(({ steps }) => steps).flatMap((step) => stepLocks(runbook, step))) {
    const { file, line } = found;
    const message = warning(found);
    if (file === undefined || line === undefined || message === undefined) continue;
    warnings.set(`${file}:${line}`, warnings.get(`${file}:${line}`) ?? { file, line, message });
  }
  return [...warnings.values()];
}

function warning({ statement, locks, long, patient }: StatementLocks): string | undefined {
  if (patient) return `${statement}: the statements after it wait long for a lock, and everybody else behind them`;
  const heavy = locks.filter(({ mode }) => blocksWrites(mode));
  const [first] = heavy;
  if (first === undefined || long === undefined) return undefined;
  const instead = long.instead === undefined ? '' : `; ${long.instead}`;
  return `${statement}: ${first.mode} on ${named(heavy.map(({ on }) => on))} ${BLOCKS[first.mode]} ${long.says}${instead}`;
}
