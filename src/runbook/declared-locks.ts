import { type Announced, LOCK_MODES, locked } from './lock-modes.ts';
import { list } from './parse-tree.ts';
import { within } from './sql-parser.ts';

/** `-- locks: MODE on TABLE, TABLE`, a line for each mode, or `-- locks: nothing`. */
const DECLARED = /^\s*-- locks: *(.*?) *$/gm;

/**
 * What a DO block is going to lock, as comments in its body say: the block itself is not looked into. A table that is only
 * known when it runs is told in words, beginning with `the`.
 */
export function declaredLocks(node: unknown): Announced {
  const bodies = list(node, 'args').map((each) => within(each, 'DefElem', 'arg', 'String', 'sval'));
  const lines = [
    ...bodies
      .filter((body) => typeof body === 'string')
      .join('\n')
      .matchAll(DECLARED),
  ];
  const locks = lines.map(([, says = '']) => {
    if (says === 'nothing') return [];
    const mode = LOCK_MODES.find((each) => says.startsWith(`${each} on `));
    return mode && locked(mode, ...says.slice(`${mode} on `.length).split(/ *, */));
  });
  if (lines.length === 0) return { statement: 'DO', locks: [], unknown: 'what a block does is not looked into' };
  if (!locks.every((each) => each !== undefined)) {
    return { statement: 'DO', locks: [], unknown: 'its comment “-- locks:” does not read MODE on TABLE, or nothing' };
  }
  return { statement: 'DO (as it says itself)', locks: locks.flat() };
}
