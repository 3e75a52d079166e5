import { type Answer, type Person, type Prompt, type RunEvent, WATCHER } from '../run/events.ts';
import type { PromptState, RunState } from '../run/state.ts';
import { undosDue } from '../run/undo.ts';
import type { Runbook } from '../runbook/plan.ts';
import { answering, type Form, openForm } from './answering.ts';
import type { Place } from './commands.ts';
import { type Dialog, inDialog, openGrave, requested } from './dialogs.ts';
import type { Press } from './presses.ts';
import { staffed, workersNow } from './staffing.ts';

/** What fills the screen below the header. */
export type Page = 'run' | 'log' | 'sql' | 'evidence' | 'journal' | 'company' | 'help';

/** What this terminal shows, as far as it is not a matter of the run. */
export interface View {
  page: Page;
  /** Lines the page, or the evidence of the prompt, is scrolled down by. */
  scroll: number;
  /** Which open prompt is in front, by `promptKey`; null: the oldest. */
  front: string | null;
  forms: Record<string, Form>;
  dialog: Dialog | null;
  /** Who answers from here: whoever did so last first, in the end who sits here. */
  known: readonly Person[];
  /** The role that is answered in from here; null: any. */
  role: string | null;
  /** Something this terminal has to say, such as why a key did nothing. */
  notice: string | null;
}

/** What a key is judged against. */
export interface Situation {
  runbook: Runbook;
  state: RunState;
  me: Person;
  terminal: string;
  /** Whether the run ends with this terminal. */
  endsRun: boolean;
  /** Plan clock, ms since the epoch. */
  now: number;
  /** How far the page, or the evidence, can be scrolled. */
  scrollMax: number;
  /** Lines a page key moves. */
  pageLength: number;
  /** Where the journal is kept. */
  journal: Place['journal'];
  /** Whether the question in front is on the screen; what cannot be read is not answered. */
  legible: boolean;
}

/** What a key leads to: another view, facts for the journal, or the end of this terminal. */
export interface Pressed {
  view: View;
  events: RunEvent[];
  /** An answer that is to be signed, and then put on record. */
  unsigned?: Answer;
  leave: boolean;
}

/** The view once an answer was signed, or was not: then with why, back where it can be confirmed again. */
export function afterSigning(view: View, { prompt, round }: Answer, refused: string | null): View {
  const key = `${prompt}#${round}`;
  const form = view.forms[key];
  if (!form) return view;
  const stage = refused === null ? 'sent' : 'confirm';
  return { ...view, forms: { ...view.forms, [key]: { ...form, stage, refused } } };
}

export function openView(me: Person, role: string | null): View {
  return { page: 'run', scroll: 0, front: null, forms: {}, dialog: null, known: [me], role, notice: null };
}

export const promptKey = (prompt: Prompt) => `${prompt.id}#${prompt.round}`;

/** Questions that wait for an answer, oldest first. */
export function openPrompts(state: RunState): Prompt[] {
  return state.prompts.filter((each) => each.settled === null && each.closedAt === null).map((each) => each.prompt);
}

/** The question in front, with how far answering it is. */
export function frontPrompt(view: View, state: RunState): { prompt: Prompt; form: Form } | null {
  const open = openPrompts(state);
  const prompt = open.find((each) => promptKey(each) === view.front) ?? open[0];
  if (!prompt) return null;
  return {
    prompt,
    form: view.forms[promptKey(prompt)] ?? openForm({ prompt, state, known: view.known, role: view.role }),
  };
}

/**
 * The question that was being answered here when it was settled elsewhere. Until the person has seen so, the letters under
 * their hands must not become keys, nor the last Enter come to nothing without a word.
 */
export function overtaken(view: View, state: RunState): PromptState | null {
  const stage = view.front === null ? undefined : view.forms[view.front]?.stage;
  if (stage === undefined || stage === 'choose' || stage === 'signing' || stage === 'sent') return null;
  const asked = state.prompts.find((each) => promptKey(each.prompt) === view.front);
  return asked && (asked.settled !== null || asked.closedAt !== null) ? asked : null;
}

/** Whether letters are text here, or nothing, rather than keys. */
export function taken(view: View, state: RunState): boolean {
  const stage = frontPrompt(view, state)?.form.stage;
  return view.dialog !== null || overtaken(view, state) !== null || stage === 'reason' || stage === 'name';
}

/** Said to a watcher whose key would do something, in the one line there is for that. */
const WATCHING = 'You only watch. q leaves, and says how to come back and answer.';

const stay = (view: View, ...events: RunEvent[]): Pressed => ({ view, events, leave: false });

function interrupted(view: View, { state, me }: Situation): Pressed {
  // With nobody at work, or somebody already told to stop, there is nothing to ask: this terminal goes.
  const idle = state.conductor === null || state.stopping !== null || state.outcome !== null;
  if (idle || me.role === WATCHER) return { view, events: [], leave: true };
  return stay({ ...view, dialog: { kind: 'stop', cursor: 0 } });
}

const PAGE_KEYS: Record<string, Page> = {
  l: 'log',
  s: 'sql',
  e: 'evidence',
  j: 'journal',
  w: 'company',
  '?': 'help',
  h: 'help',
};
/** Pages that are read from their end. */
const FROM_END: readonly Page[] = ['log', 'journal'];

/** Leaving may end a rehearsal, and is then asked about; a run goes on without its terminal. */
function left(view: View, situation: Situation): Pressed {
  return situation.endsRun ? interrupted(view, situation) : { view, events: [], leave: true };
}

function rollBack(view: View, { runbook, state }: Situation): Pressed {
  if (state.rollback) return stay({ ...view, notice: 'A rollback has already been asked for.' });
  if (undosDue(runbook, state).length === 0) {
    return stay({ ...view, notice: 'Nothing has been done yet that could be undone.' });
  }
  return stay({ ...view, dialog: openGrave('roll-back') });
}

/** Keys that ask something of the run. */
const ASKING = 'p+=-><RB';

function onLetter(view: View, letter: string, situation: Situation): Pressed | null {
  const { state, me, now } = situation;
  const page = PAGE_KEYS[letter];
  if (page) {
    // It is pulled back to what there is when it is shown.
    const scroll = FROM_END.includes(page) ? Number.MAX_SAFE_INTEGER : 0;
    return stay(view.page === page ? { ...view, page: 'run', scroll: 0 } : { ...view, page, scroll });
  }
  if (me.role === WATCHER && ASKING.includes(letter)) return stay({ ...view, notice: WATCHING });
  switch (letter) {
    case 'q':
      return view.page === 'run' ? left(view, situation) : stay({ ...view, page: 'run', scroll: 0 });
    case 'p':
      return stay(view, requested(state.paused ? 'resume' : 'pause', me));
    case '+':
    case '=':
    case '-':
      if (workersNow(situation) === undefined)
        return stay({ ...view, notice: 'No backfill is at work that has a speed.' });
      return stay(view, requested(letter === '-' ? 'slower' : 'faster', me));
    case '>':
    case '<': {
      const asked = staffed(situation, me, (now) => now + (letter === '>' ? 1 : -1));
      return typeof asked === 'string' ? stay({ ...view, notice: asked }) : stay(view, asked);
    }
    case 'R':
      return rollBack(view, situation);
    case 'B':
      if (state.windowBeganAt !== null || state.beginEarly || now >= state.opens) return null;
      return stay({ ...view, dialog: openGrave('begin-early') });
    default:
      return null;
  }
}

function scrolled(view: View, press: Press, { scrollMax, pageLength }: Situation): View | null {
  if (!('key' in press)) return null;
  const to = (line: number) => ({ ...view, scroll: Math.max(0, Math.min(scrollMax, line)) });
  const from = Math.min(view.scroll, scrollMax);
  if (press.key === 'page-up') return to(from - pageLength);
  if (press.key === 'page-down') return to(from + pageLength);
  if (view.page === 'run') return null;
  if (press.key === 'up') return to(from - 1);
  if (press.key === 'down') return to(from + 1);
  if (press.key === 'home') return to(0);
  if (press.key === 'end') return to(scrollMax);
  return null;
}

/** Tab brings the next open question to the front. */
function nextPrompt(view: View, state: RunState): View {
  const open = openPrompts(state);
  const current = frontPrompt(view, state)?.prompt;
  const next = current && open[(open.indexOf(current) + 1) % open.length];
  return next ? { ...view, front: promptKey(next), scroll: 0 } : view;
}

/** The view after a key, and what the key asks for. Pure; what follows from it is somebody else's to do. */
export function pressed(before: View, press: Press, situation: Situation): Pressed {
  const { state, me, terminal, endsRun } = situation;
  const view: View = { ...before, notice: null };
  const interrupt = 'key' in press && press.key === 'interrupt';
  if (interrupt && view.dialog?.kind !== 'stop') return interrupted(view, situation);
  if (view.dialog) {
    const { dialog, events, leave = false } = inDialog(view.dialog, press, { me, rehearsal: state.rehearsal, endsRun });
    return { view: { ...view, dialog }, events, leave };
  }
  if (view.page === 'run' && overtaken(view, state)) {
    return stay('key' in press && press.key === 'escape' ? { ...view, front: null } : view);
  }

  const front = frontPrompt(view, state);
  const writing = view.page === 'run' && taken(view, state);
  const move = scrolled(view, press, situation);
  if (move) return stay(move);
  if (!writing) {
    if ('key' in press && press.key === 'tab') return stay(nextPrompt(view, state));
    const known = 'letter' in press ? onLetter(view, press.letter, situation) : null;
    if (known) return known;
  }
  if (view.page !== 'run') {
    const back = 'key' in press && (press.key === 'escape' || press.key === 'enter');
    return stay(back ? { ...view, page: 'run', scroll: 0 } : view);
  }
  if (!front || !situation.legible) return stay(view);
  if (me.role === WATCHER) return stay({ ...view, notice: WATCHING });
  const { form, answer } = answering(front.form, press, {
    prompt: front.prompt,
    state,
    known: view.known,
    role: view.role,
    terminal,
    journal: situation.journal,
  });
  const next: View = {
    ...view,
    front: promptKey(front.prompt),
    forms: { ...view.forms, [promptKey(front.prompt)]: form },
  };
  if (!answer) return stay(next);
  const given: View = { ...next, known: [answer.by, ...view.known], scroll: 0 };
  if (form.stage === 'signing') return { ...stay(given), unsigned: answer };
  return stay(given, { type: 'prompt-answered', answer });
}
