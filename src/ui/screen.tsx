import { render } from 'ink';
import type { RunEvent } from '../run/events.ts';
import { follow } from '../run/follow.ts';
import type { RunState } from '../run/state.ts';
import { App } from './app.tsx';
import { compose } from './compose.ts';
import { ending, type Following } from './following.ts';
import { lookOf } from './look.ts';
import type { Press } from './presses.ts';
import { createScreenStore, followedBy, planNow, withPulses } from './store.ts';
import { pressed } from './view.ts';

/** The two streams of a terminal. */
export interface Terminal {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
}

const TICK = 1_000;
/** Progress is drawn at most this often, in ms: five times a second. */
const PULSE = 200;

/**
 * Shows a run in the alternate screen, and takes what is pressed to its journal, until the run has ended, its conductor
 * has left, or the person at the terminal has. It decides nothing and performs nothing: closing it changes nothing.
 * React is to be imported with NODE_ENV=production, so that this module is best imported once that is set.
 * @throws JournalBroken, RunbookInvalid, and what else keeps the journal from being read
 * @returns the state of the run as it was last seen here
 */
export async function openScreen({
  journal,
  me,
  terminal,
  stdin,
  stdout,
  since,
  signal,
}: Following & Terminal): Promise<RunState> {
  const store = createScreenStore({
    look: lookOf(process.env),
    me,
    terminal,
    columns: stdout.columns,
    rows: stdout.rows,
  });
  const closing = new AbortController();
  const close = () => closing.abort();
  const leaving = AbortSignal.any([closing.signal, ...(signal ? [signal] : [])]);

  const append = (events: RunEvent[]) =>
    journal.append('terminal', planNow({ ...store.getState(), clock: Date.now() }), events);
  const say = (notice: string) => store.setState(({ view }) => ({ view: { ...view, notice } }));

  const onPress = (press: Press) => {
    const screen = store.getState();
    if (!screen.followed) return;
    const { scrollMax, pageLength } = compose(screen).main;
    const { state } = screen.followed;
    const { view, events, leave } = pressed(screen.view, press, {
      state,
      me,
      terminal,
      now: planNow(screen),
      scrollMax,
      pageLength,
    });
    store.setState({ view });
    if (leave) return close();
    if (events.length === 0) return;
    append(events).catch((error: unknown) => {
      // The form is as it was before the last Enter, so that it can be pressed again.
      store.setState({ view: screen.view });
      say(`Not on record: ${error instanceof Error ? error.message : String(error)}`);
    });
  };

  // A terminal that goes away makes its streams fail; that is one way to leave, and no error of the run's. What is written
  // to it on the way out fails too, so that a gone terminal keeps its listener.
  let gone = false;
  const lost = () => {
    gone = true;
    close();
  };
  for (const stream of [stdin, stdout]) stream.on('error', lost);
  const ink = render(<App store={store} onPress={onPress} />, {
    stdin,
    stdout,
    interactive: true,
    alternateScreen: true,
    incrementalRendering: true,
    exitOnCtrlC: false,
    patchConsole: false,
    maxFps: 20,
  });
  const ticking = setInterval(() => store.setState({ clock: Date.now() }), TICK);

  const end = ending(since);
  let attached = false;
  let drawnAt = 0;
  try {
    await follow(journal, {
      signal: leaving,
      onRecords(records) {
        store.setState({ followed: followedBy(store.getState().followed, records), clock: Date.now() });
        if (end(records)) return close();
        if (!attached) append([{ type: 'terminal-attached', terminal, by: me }]).catch(() => undefined);
        attached = true;
      },
      onPulses(pulses) {
        const at = Date.now();
        if (at - drawnAt < PULSE) return;
        drawnAt = at;
        store.setState(withPulses(store.getState(), pulses, at));
      },
    });
  } finally {
    clearInterval(ticking);
    ink.unmount();
    await ink.waitUntilExit().catch(() => undefined);
    // Nothing is added to a run that has ended: its report is made of what was there.
    if (attached && store.getState().followed?.state.outcome === null) {
      await append([{ type: 'terminal-left', terminal }]).catch(() => undefined);
    }
    if (!gone) for (const stream of [stdin, stdout]) stream.off('error', lost);
  }
  const { followed } = store.getState();
  if (!followed) throw new Error('The journal holds no run yet. Start it with `runbook run`.');
  return followed.state;
}
