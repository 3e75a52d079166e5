import { onTestFinished } from 'vitest';
import type { Answer, Person, RunEvent } from '../../src/run/events.ts';
import type { RunState } from '../../src/run/state.ts';
import { openScreen } from '../../src/ui/screen.tsx';
import { ADA } from '../run/archive.ts';
import { OPENS, orphans, type TestRun } from './run.ts';
import { FakeTerminal } from './terminal.ts';

export const MINUTE = 60_000;

interface Shown {
  terminal: FakeTerminal;
  /** The last state that was shown, once the screen is left. */
  ended: Promise<RunState>;
}

/** How a terminal differs from Ada's, which is called `test:1` and may answer for everybody. */
interface Terminal {
  name?: string;
  me?: Person;
  /** The role it was opened for with --as. */
  role?: string;
  /** What is typed before there is a screen. */
  typed?: string;
  /** It was attached to a rehearsal, which does not end with it. */
  attached?: true;
  /** It has just started the run, of which this was the last record: warnings that come after it are shown first. */
  since?: number;
}

/** The real screen on a fake terminal of this size. It is left when the test has finished. */
export function show(run: TestRun, columns: number, rows: number, more: Terminal = {}): Shown {
  const { name = 'test:1', me = ADA, role = null, typed = '', since } = more;
  const terminal = new FakeTerminal(columns, rows);
  if (typed !== '') terminal.press({ type: typed });
  const leaving = new AbortController();
  const ended = openScreen({
    journal: run.journal,
    me,
    role,
    terminal: name,
    endsRun: run.rehearsal && !more.attached,
    stdin: terminal.stdin,
    stdout: terminal.stdout,
    signal: leaving.signal,
    sign: async () => null,
    ...(since === undefined ? {} : { since }),
  });
  onTestFinished(async () => {
    leaving.abort();
    await ended;
  });
  return { terminal, ended };
}

/** The conductor asks the question of the step `orphans`, with this evidence. */
export async function asked(run: TestRun, ...prompt: Parameters<typeof orphans>): Promise<void> {
  await run.happens(
    OPENS + 12 * MINUTE,
    { type: 'step-begun', step: 'orphans', attempt: 1 },
    { type: 'step-asked', step: 'orphans', result: { summary: '' } },
    { type: 'prompt-opened', prompt: orphans(...prompt) },
  );
}

/** The answers on record. */
export const answers = async (run: TestRun): Promise<Answer[]> =>
  (await run.records()).flatMap(({ event }) => (event.type === 'prompt-answered' ? [event.answer] : []));

/** What people have asked of the run, as it is on record. */
export const requests = async (run: TestRun): Promise<Extract<RunEvent, { type: 'requested' }>[]> =>
  (await run.records()).flatMap(({ event }) => (event.type === 'requested' ? [event] : []));
