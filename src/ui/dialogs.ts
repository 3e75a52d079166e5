import type { Person, RequestKind, RunEvent } from '../run/events.ts';
import { type Press, typed } from './presses.ts';

/** A request that needs its word typed out and a reason, because it cannot be taken back. */
export interface Grave {
  kind: 'grave';
  request: 'roll-back' | 'begin-early';
  stage: 'word' | 'reason';
  word: string;
  reason: string;
  refused: string | null;
}

/** What Ctrl+C asks. */
export interface Stop {
  kind: 'stop';
  cursor: number;
}

/** Something that is to be read before it is gone on. */
export interface Warning {
  kind: 'warning';
  text: string;
}

export type Dialog = Grave | Stop | Warning;

export const GRAVE_WORD = { 'roll-back': 'roll back', 'begin-early': 'begin' } as const;

/** What Ctrl+C may come to, besides nothing: a request to the run, or the end of this terminal alone. */
type Stopping = Extract<RequestKind, 'pause' | 'stop'> | 'leave';

/** What may end: a run or a rehearsal, and whether it does so with this terminal. */
export interface Ending {
  rehearsal: boolean;
  endsRun: boolean;
}

/** The answers to “stop?”: what each does, and what it comes to. */
export function stopChoices({ rehearsal, endsRun }: Ending): readonly { says: string; does: Stopping | null }[] {
  const leave = { says: 'Keep going, and leave this terminal, which says how to come back.', does: 'leave' } as const;
  return [
    { says: 'Keep going.', does: null },
    { says: 'Finish the step at work, then pause. The conductor stays; p carries on.', does: 'pause' },
    {
      says: rehearsal
        ? 'End the rehearsal: what is at work is cancelled, the report is written, the database is taken down.'
        : 'Stop now, safely: what is at work is cancelled and the conductor leaves. It can be carried on later.',
      does: 'stop',
    },
    ...(endsRun ? [] : [leave]),
  ];
}

/** Who sits here, and at what kind of run. */
interface Sitting extends Ending {
  me: Person;
}

/** A dialog after a key: null once it is closed, with what it asks for, if anything. */
export interface Led {
  dialog: Dialog | null;
  events: RunEvent[];
  /** This terminal goes. */
  leave?: true;
}

export function openGrave(request: Grave['request']): Grave {
  return { kind: 'grave', request, stage: 'word', word: '', reason: '', refused: null };
}

/** A request in the words of the journal. */
export function requested(request: RequestKind, by: Person, reason?: string): RunEvent {
  return { type: 'requested', request, by, ...(reason ? { reason } : {}) };
}

const kept = (dialog: Dialog): Led => ({ dialog, events: [] });
const CLOSED: Led = { dialog: null, events: [] };

function grave(dialog: Grave, press: Press, me: Person): Led {
  if ('key' in press && press.key === 'escape') return CLOSED;
  const clean: Grave = { ...dialog, refused: null };
  const text = typed(dialog[dialog.stage], press);
  if (text !== null) return kept({ ...clean, [dialog.stage]: text });
  if (!('key' in press) || press.key !== 'enter') return kept(clean);
  if (dialog.stage === 'word') {
    const word = GRAVE_WORD[dialog.request];
    if (dialog.word.trim().toLowerCase() === word) return kept({ ...clean, stage: 'reason' });
    return kept({ ...clean, refused: `Type “${word}”, or press Esc.` });
  }
  const reason = dialog.reason.trim();
  if (reason === '') return kept({ ...clean, refused: 'A reason is needed, for the report.' });
  return { dialog: null, events: [requested(dialog.request, me, reason)] };
}

function stop(dialog: Stop, press: Press, { me, ...ending }: Sitting): Led {
  const choices = stopChoices(ending);
  const at = (cursor: number) => kept({ ...dialog, cursor: Math.max(0, Math.min(choices.length - 1, cursor)) });
  if ('letter' in press) {
    const index = Number.parseInt(press.letter, 10) - 1;
    return index in choices ? at(index) : kept(dialog);
  }
  if (!('key' in press)) return kept(dialog);
  switch (press.key) {
    case 'interrupt':
      return { dialog: null, events: [requested('stop', me)] };
    case 'escape':
      return CLOSED;
    case 'up':
      return at(dialog.cursor - 1);
    case 'down':
      return at(dialog.cursor + 1);
    case 'enter': {
      const does = choices[dialog.cursor]?.does ?? null;
      if (does === 'leave') return { ...CLOSED, leave: true };
      return does === null ? CLOSED : { dialog: null, events: [requested(does, me)] };
    }
    default:
      return kept(dialog);
  }
}

/** The dialog after a key. */
export function inDialog(dialog: Dialog, press: Press, sitting: Sitting): Led {
  switch (dialog.kind) {
    case 'stop':
      return stop(dialog, press, sitting);
    case 'grave':
      return grave(dialog, press, sitting.me);
    case 'warning':
      return 'key' in press && (press.key === 'enter' || press.key === 'escape') ? CLOSED : kept(dialog);
  }
}
