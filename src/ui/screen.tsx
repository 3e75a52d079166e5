import { setImmediate as nextTurn } from 'node:timers/promises';
import { render } from 'ink';
import { askedBy } from '../run/answering/answers.ts';
import { keysOf, proofRefusal, type Signing } from '../run/answering/proof.ts';
import { statementText } from '../run/answering/statement.ts';
import { type Answer, urgent } from '../run/events.ts';
import type { Pulse } from '../run/journal/journal.ts';
import type { RunState } from '../run/state.ts';
import { App } from './app.tsx';
import { compose, tooSmall } from './compose.ts';
import { type Following, takeHold } from './following.ts';
import { forget, letGo, stopHere } from './lending.ts';
import { lookOf } from './look.ts';
import type { Press } from './presses.ts';
import { createScreenStore, planNow, withPulses } from './store.ts';
import { verdict } from './verdict.ts';
import { afterSigning, pressed } from './view.ts';

type WithTerminal = (work: () => Promise<void>) => Promise<void>;

/** The two streams of a terminal, and how somebody signs on it. */
export interface Attended {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  /** Called with the terminal given back; null when the person lets it be. */
  sign(signing: Signing): Promise<string | null>;
}

/**
 * Clock, progress and what is not urgent are drawn this often, in ms, and in a crowd when progress was looked for; news at once.
 * A frame is most of what a terminal costs.
 */
const TICK = 1_000;
/** A terminal that has had one size for so long, in ms, is drawn anew. */
const SETTLED = 150;
/** Empties the screen and goes to its corner: ED and CUP of ECMA-48. */
const WIPE = '\u001b[2J\u001b[H';

/**
 * Shows a run in the alternate screen, and takes what is pressed to its journal, until the run has ended, its conductor
 * has left, or the person at the terminal has. It decides nothing and performs nothing: closing it changes nothing.
 * React is to be imported with NODE_ENV=production, so that this module is best imported once that is set.
 * @throws JournalBroken, RunbookInvalid, and what else keeps the journal from being read
 * @returns the state of the run as it was last seen here
 */
export async function openScreen({ stdin, stdout, sign, ...following }: Following & Attended): Promise<RunState> {
  const { me, role, terminal, endsRun } = following;
  const hold = takeHold(following);
  const store = createScreenStore({
    look: lookOf(process.env),
    me,
    role,
    terminal,
    endsRun,
    journal: following.journal,
    columns: stdout.columns,
    rows: stdout.rows,
  });
  const say = (notice: string) => store.setState(({ view }) => ({ view: { ...view, notice } }));

  /** Whether the terminal is somebody else's at present. */
  let lent = false;
  const lending = async (work: () => Promise<void>) => {
    lent = true;
    await work().finally(() => {
      lent = false;
    });
  };

  /** Has an answer signed on the bare terminal, and puts it on record if the signature is good. */
  const signed = async (answer: Answer, withTerminal: WithTerminal): Promise<void> => {
    let refused: string | null = 'Not signed, and not on record.';
    try {
      const { state } = store.getState().followed ?? {};
      const asked = state && askedBy(state, answer);
      if (!asked) return;
      let signature: string | null = null;
      await withTerminal(() =>
        lending(async () => {
          await letGo(stdin);
          const statement = statementText(state, asked, answer);
          signature = await sign({ statement, by: answer.by, keys: keysOf(state, answer.by.name) });
          // Whoever read from the terminal meanwhile has let go of it only a turn later, too.
          await nextTurn();
        }),
      );
      if (signature === null) return;
      const whole: Answer = { ...answer, proof: 'signed', signature };
      refused = proofRefusal(state, asked, whole, planNow(store.getState()));
      if (refused === null) await hold.append([{ type: 'prompt-answered', answer: whole }]);
    } catch (error) {
      refused = `Not on record: ${error instanceof Error ? error.message : String(error)}`;
    } finally {
      store.setState(({ view }) => ({ view: afterSigning(view, answer, refused) }));
    }
  };

  const onPress = (press: Press, withTerminal: WithTerminal) => {
    hold.attention.touched();
    // What is drawn may be minutes old; what is pressed is meant for now.
    store.setState({ clock: Date.now() });
    const screen = store.getState();
    if (!screen.followed) return;
    const { scrollMax, pageLength } = compose(screen).main;
    const { runbook, state } = screen.followed;
    const { view, events, unsigned, leave } = pressed(screen.view, press, {
      runbook,
      state,
      me,
      terminal,
      endsRun,
      journal: following.journal,
      now: planNow(screen),
      scrollMax,
      pageLength,
      legible: !tooSmall(screen),
    });
    store.setState({ view });
    if (leave) return hold.leave();
    if (unsigned) return void signed(unsigned, withTerminal);
    if (events.length === 0) return;
    hold.append(events).catch((error: unknown) => {
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
    hold.leave();
  };
  for (const stream of [stdin, stdout]) stream.on('error', lost);
  await forget(stdin);
  const ink = render(<App store={store} onPress={onPress} onSuspend={() => lending(stopHere)} />, {
    stdin,
    stdout,
    interactive: true,
    alternateScreen: true,
    incrementalRendering: true,
    exitOnCtrlC: false,
    patchConsole: false,
    maxFps: 20,
  });
  // Frames on their way while the size changed have moved what the next ones take to be where it was.
  let settling: NodeJS.Timeout | undefined;
  const resized = () => {
    clearTimeout(settling);
    settling = setTimeout(() => {
      if (lent) return;
      stdout.write(WIPE);
      ink.clear();
      store.setState({});
    }, SETTLED);
  };
  stdout.on('resize', resized);
  let pulses: Pulse[] = [];
  let pulsesAt = 0;
  const tick = () =>
    store.setState({
      followed: hold.followed(),
      clock: Date.now(),
      dozing: hold.attention.crowded,
      ...withPulses(store.getState(), pulses, pulsesAt),
    });
  const over = new AbortController();
  const ticking = (async () => {
    const { signal } = over;
    while (!signal.aborted) {
      await hold.attention.resting(signal, TICK);
      if (!signal.aborted && !hold.attention.crowded) tick();
    }
  })();

  try {
    return await hold.show({
      attended: true,
      onRecords(followed, records) {
        if (!records.some(({ event }) => urgent(event))) return;
        // In a crowd it is drawn with the progress that is looked for next, in one frame.
        if (!hold.attention.crowded) store.setState({ followed, clock: Date.now() });
        const warned = records.findLast(({ seq, event }) => event.type === 'warned' && seq > (following.since ?? seq));
        if (warned?.event.type === 'warned') {
          const dialog = { kind: 'warning', text: warned.event.warning } as const;
          store.setState(({ view }) => ({ view: { ...view, dialog } }));
        }
        const came = verdict(records, followed.state, terminal);
        if (came !== null) say(came);
      },
      onPulses(latest) {
        pulses = latest;
        pulsesAt = Date.now();
        if (hold.attention.crowded) tick();
      },
      onAbandoned: (abandoned) => store.setState({ abandoned }),
      onCutOff: (cutOff) => store.setState({ cutOff }),
    });
  } finally {
    over.abort();
    await ticking;
    clearTimeout(settling);
    stdout.off('resize', resized);
    ink.unmount();
    await ink.waitUntilExit().catch(() => undefined);
    if (!gone) for (const stream of [stdin, stdout]) stream.off('error', lost);
  }
}
