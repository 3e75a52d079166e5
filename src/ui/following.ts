import { type JournalRecord, type Person, type RunEvent, urgent, WATCHER } from '../run/events.ts';
import { follow } from '../run/journal/follow.ts';
import { type Journal, JournalAway, type Pulse } from '../run/journal/journal.ts';
import type { RunState } from '../run/state.ts';
import { commandLine, type Place, placeOf } from './commands.ts';
import { Attention } from './crowd.ts';
import { type Followed, followedBy } from './followed.ts';

/** What a terminal says of a run whose conductor is gone without having left. */
export const ABANDONED = 'Nobody conducts this run any more.';

/** What a terminal says while its journal does not answer it; the run itself may well go on. */
export const CUT_OFF = 'Cut off from the journal: what is shown is old. It is looked for again.';

/** The journal has not answered for so long that this terminal ends; the run itself may well go on. */
export class CutOffForGood extends Error {
  readonly advice: string;
  constructor(cause: JournalAway, at: Place, { role }: Person) {
    super(cause.message, { cause });
    this.name = 'CutOffForGood';
    const as = role === WATCHER ? [] : ['--as', role];
    this.advice = `Come back when it is there again:\n  ${commandLine(at, 'attach', ...as)}`;
  }
}

/** After so long without an answer from the journal a terminal says that it is cut off, in ms. */
const UNANSWERED = 3_000;

/**
 * News is looked for at least this often, in ms, in whatever crowd: what is said is to be seen within half a second. Where news
 * is told of, what is looked for is progress, which is no news.
 */
const NEWS = 400;
const PROGRESS = 250;
/** What comes within this time, in ms, is shown together. */
const TOGETHER = 20;
/** In a crowd it is longer, and no two terminals are to draw at once: they would be in each other's way. */
const CROWD_TOGETHER = 80;
const CROWD_APART = 320;

/**
 * How often a terminal looks whether anybody still conducts the run, in ms; in a crowd as often as it must be heard of itself,
 * oftener while nobody is found.
 */
const LOOK_EVERY = 1_000;
/** For so long nobody is found before it is said, in ms: a conductor that is just being started has no lease yet. */
const MISSED = 4_000;

/** What a terminal of either kind is given. */
export interface Following {
  journal: Journal;
  /** Who sits at it, unless they say otherwise when answering. */
  me: Person;
  /** The role that is answered in from here; null: any. */
  role: string | null;
  /** Its host and process, as they are put on record. */
  terminal: string;
  /** Whether the run ends with this terminal: a rehearsal does with the one that it was started at. */
  endsRun: boolean;
  /**
   * A `seq`: what was recorded up to it is history. A conductor that left before does not end this terminal, one that
   * leaves after does. Without it, everything there was when the terminal came is history.
   */
  since?: number;
  /** Leaves the terminal when aborted. */
  signal?: AbortSignal;
}

/** What is done with what comes from the journal. */
export interface Showing {
  /** Whether somebody sits here, who is put on record as attached. */
  attended: boolean;
  onRecords(followed: Followed, records: readonly JournalRecord[]): void;
  onPulses(pulses: Pulse[], followed: Followed): void;
  /** Told when nobody conducts the run any more, and when somebody does again. */
  onAbandoned(abandoned: boolean): void;
  /** Told when the journal does not answer any more, and when it does again. */
  onCutOff(cutOff: boolean): void;
}

/** A terminal's hold on its run: what it has seen, what it adds, and how it leaves. */
export interface Hold {
  followed(): Followed | null;
  /** How closely this terminal follows. */
  attention: Attention;
  /** The plan clock as this terminal sees it, in ms since the epoch. */
  now(): number;
  append(events: RunEvent[]): Promise<unknown>;
  leave(): void;
  /**
   * Shows the run until it has ended, its conductor has left, or this terminal has.
   * @throws CutOffForGood, JournalBroken, RunbookInvalid, and what else keeps the journal from being read
   * @returns the state of the run as it was last seen here
   */
  show(showing: Showing): Promise<RunState>;
}

/** Tells from the records, in the batches in which they come, when there is nothing more to follow. */
function ending(since?: number): (records: readonly JournalRecord[], state: RunState) => boolean {
  let history = since;
  return (records, { handingOver, conductor }) => {
    history ??= records.at(-1)?.seq ?? 0;
    const past = history;
    // A run that was aborted goes on when somebody asks to take it back.
    const turn = records.findLast(
      ({ event }) => event.type === 'run-finished' || (event.type === 'requested' && event.request === 'roll-back'),
    );
    const left = records.some(({ seq, event }) => event.type === 'conductor-left' && seq > past);
    // Handed over, it goes on elsewhere.
    return (left && handingOver === null && conductor === null) || turn?.event.type === 'run-finished';
  };
}

/** Takes hold of a run. Nothing is read or put on record before `show`. */
export function takeHold({ journal, me, terminal, since, signal }: Omit<Following, 'role' | 'endsRun'>): Hold {
  const leaving = new AbortController();
  let followed: Followed | null = null;
  const terminals = () => Object.keys(followed?.state.terminals ?? {}).length;
  const attention = new Attention(terminals);
  const now = () => Date.now() + (followed?.state.aheadMs ?? 0);
  const append = (events: RunEvent[]) => journal.append('terminal', now(), events);
  const leave = () => leaving.abort();

  /** The journal as it is followed: when it does not answer, that is told. */
  function missedIfSilent(onCutOff: Showing['onCutOff']): Pick<Journal, 'interval' | 'onNews' | 'read' | 'pulses'> {
    let cutOff = false;
    const answered = async <T>(asked: Promise<T>): Promise<T> => {
      const silent = setTimeout(() => {
        cutOff = true;
        onCutOff(true);
      }, UNANSWERED);
      const answer = await asked.finally(() => clearTimeout(silent));
      if (cutOff) onCutOff(false);
      cutOff = false;
      return answer;
    };
    return {
      interval: journal.interval,
      onNews: journal.onNews,
      read: (after) => answered(journal.read(after)),
      pulses: () => answered(journal.pulses()),
    };
  }

  /**
   * Sees whether anybody still conducts the run: a conductor that leaves says so in the journal, one that was killed is only
   * missed. Puts on record that somebody sits here, if so, and again should they have been given up while this process was stopped.
   */
  async function stay({ attended, onAbandoned }: Showing, signal: AbortSignal): Promise<void> {
    let missedSince = Number.POSITIVE_INFINITY;
    let abandoned = false;
    while (!signal.aborted) {
      if (attended) {
        const there = followed?.state.terminals[terminal] !== undefined;
        if (!there) await append([{ type: 'terminal-attached', terminal, by: me }]).catch(() => undefined);
        await journal.present(terminal).catch(() => undefined);
      }
      const holder = await journal.holder();
      const missed = followed?.state.conductor != null && (holder === null || holder.silent);
      const at = performance.now();
      missedSince = missed ? Math.min(missedSince, at) : Number.POSITIVE_INFINITY;
      const gone = at - missedSince >= MISSED;
      if (gone !== abandoned) onAbandoned(gone);
      abandoned = gone;
      await attention.resting(signal, LOOK_EVERY, missed ? MISSED : undefined);
    }
  }

  async function show(showing: Showing): Promise<RunState> {
    try {
      return await shown(showing);
    } catch (error) {
      throw error instanceof JournalAway && followed
        ? new CutOffForGood(error, placeOf(followed.state, journal), me)
        : error;
    }
  }

  async function shown(showing: Showing): Promise<RunState> {
    const ended = ending(since);
    let newsAt = 0;
    const gone = AbortSignal.any([leaving.signal, ...(signal ? [signal] : [])]);
    let staying: Promise<void> | undefined;
    const following = follow(missedIfSilent(showing.onCutOff), {
      signal: gone,
      interval: (told) => (told ? attention.rest(PROGRESS) : attention.rest(journal.interval, NEWS)),
      hurried: () => attention.woken,
      gathering: () => (attention.crowded ? CROWD_TOGETHER + Math.random() * CROWD_APART : TOGETHER),
      onRecords(records) {
        followed = followedBy(followed, records);
        if (!followed) return;
        attention.counted();
        if (records.some(({ event }) => urgent(event))) newsAt = performance.now();
        showing.onRecords(followed, records);
        if (ended(records, followed.state)) return leave();
        staying ??= stay(showing, gone);
        // Whatever ends one of the two ends the other.
        staying.catch(leave);
      },
      onPulses(pulses) {
        if (followed) showing.onPulses(pulses, followed);
      },
      // A frame of news is one of progress too.
      untilProgress: (since) => (since < newsAt ? 0 : attention.untilProgress(since, PROGRESS)),
    });
    await following.finally(leave);
    await staying;
    const last = followed as Followed | null;
    if (!last) throw new Error('The journal holds no run yet. Start it with `runbook run`.');
    // Nothing is added to a run that has ended: its report is made of what was there.
    if (showing.attended && staying && last.state.outcome === null) {
      await append([{ type: 'terminal-left', terminal, by: me }]).catch(() => undefined);
    }
    return last.state;
  }

  return { followed: () => followed, attention, now, append, leave, show };
}
