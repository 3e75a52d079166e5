import { hostname } from 'node:os';
import type { Person } from '../run/events.ts';
import type { Journal } from '../run/journal/journal.ts';
import type { RunState } from '../run/state.ts';
import { INTERRUPTED, type Interruption } from './interruption.ts';
import { signHere } from './sign.ts';

/** How this terminal is named in the journal. */
export const TERMINAL = `${hostname()}:${process.pid}`;

export interface Attending {
  journal: Journal;
  me: Person;
  /** The role given with --as, in which alone is answered from here; null when none was. */
  role: string | null;
  /** The last record that is old news. */
  since: number;
  plain: boolean;
  /** Whether the run ends with this terminal: a rehearsal does with the one that it was started at. */
  endsRun: boolean;
  interruption: Interruption;
}

/** A terminal without cursor addressing, and one that is read aloud (Ink's own variable for that), get lines instead. */
function linesOnly({ TERM, INK_SCREEN_READER }: NodeJS.ProcessEnv): boolean {
  return TERM === 'dumb' || INK_SCREEN_READER === 'true';
}

/** Whether a run is shown here a line an event, rather than on the screen. */
const asLines = (plain: boolean): boolean =>
  plain || linesOnly(process.env) || !process.stdin.isTTY || !process.stdout.isTTY;

/**
 * Loads what shows a run here, which is to be done before its conductor begins: in a clone, the first Ctrl+C also ends the
 * process that compiles the sources, and nothing more could be loaded then.
 */
export async function loadTerminal(plain: boolean): Promise<void> {
  if (asLines(plain)) return void (await import('../ui/plain.ts'));
  process.env.NODE_ENV = 'production';
  await import('../ui/screen.tsx');
}

/** Shows a run until it has ended or this terminal leaves it: the screen on a terminal, a line an event elsewhere. */
export async function attend({ plain, interruption, ...attending }: Attending): Promise<RunState> {
  const { stdin, stdout } = process;
  const following = { ...attending, terminal: TERMINAL, stdin, stdout, signal: interruption.signal };
  if (asLines(plain)) {
    const { openPlain } = await import('../ui/plain.ts');
    return await openPlain({ ...following, onCtrlC: interruption.onCtrlC });
  }
  process.env.NODE_ENV = 'production';
  const { openScreen } = await import('../ui/screen.tsx');
  return await openScreen({
    ...following,
    async sign(signing) {
      const asBefore = interruption.onCtrlC(() => undefined);
      return await signHere(signing).finally(asBefore);
    },
  });
}

/** The exit code of a run that waits for a person, or for its time. */
export const WAITS = 3;

/** The exit code that says how a run stands: 0 done, 1 aborted, 3 waits for a person, 4 rolled back, 130 stopped by one. */
export function exitCode(state: RunState): number {
  switch (state.outcome?.outcome) {
    case 'done':
      return 0;
    case 'aborted':
      return 1;
    case 'rolled-back':
      return 4;
    default:
      return state.stopping === 'stop' ? INTERRUPTED : WAITS;
  }
}
