import { bound, refusal } from '../run/answering/answers.ts';
import { nobodyElse, secondPerson } from '../run/answering/approval-prompts.ts';
import { keysOf, unsigned } from '../run/answering/proof.ts';
import type { Answer, Person, Prompt, PromptOption } from '../run/events.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { command, type Place, placeOf } from './commands.ts';
import { type Press, typed } from './presses.ts';

export type Stage = 'choose' | 'reason' | 'who' | 'name' | 'confirm' | 'signing' | 'sent';

/** How far a person is with answering a prompt. Nothing is chosen to begin with, and nothing is sent before `confirm`. */
export interface Form {
  prompt: string;
  round: number;
  stage: Stage;
  /** Which item (of a checklist) or option the pointer is on, counting items first; null: none yet. */
  cursor: number | null;
  ticked: boolean[];
  reason: string;
  /** Which of `candidates` the pointer is on; null: none yet. */
  candidate: number | null;
  name: string;
  by: Person | null;
  /** Why the last key did not lead on. */
  refused: string | null;
}

/** What answering needs to know. `known` are the people of this terminal, the likeliest to answer first. */
export interface Desk {
  prompt: Prompt;
  state: RunState;
  /** The role that this terminal answers in; null: in any. */
  role: string | null;
  known: readonly Person[];
  terminal: string;
  /** Where the journal is kept. */
  journal: Place['journal'];
}

/** The people who may answer here; a role that names nobody is there once, with an empty name to fill in. */
export function candidates({ prompt, state, role: only }: Pick<Desk, 'prompt' | 'state' | 'role'>): Person[] {
  const roles = prompt.who.length > 0 ? prompt.who : Object.keys(state.people);
  return roles
    .filter((role) => only === null || role === only)
    .flatMap((role) => {
      const names = state.people[role] ?? [];
      return (names.length > 0 ? names : ['']).map((name) => ({ name, role }));
    });
}

/** Said of a question to a terminal none of whose people may answer it. */
export const forOthers = ({ who }: Prompt, at: Place) =>
  `Not from this terminal: ${command(at, 'attach', '--as', who[0] ?? 'ROLE')} in another one.`;

/** Said to who is about to ask for a rollback: who has to approve it. */
export function approvedBy(asker: Person, runbook: Runbook, state: RunState): string {
  if (nobodyElse(asker, state)) {
    return `This runbook names nobody but ${asker.name}, and nobody approves what they ask for: it would wait for ever.`;
  }
  const { who, notBy } = secondPerson(runbook, state, asker.name);
  const roles = who.map((role) => runbook.document.roles[role]?.title ?? role);
  const barred = [...new Set(notBy.map(({ name }) => name))].join(', ');
  return `Nothing is undone before ${roles[0] ?? 'somebody else'} has approved it; that cannot be ${barred}.`;
}

export function openForm({ known, ...desk }: Omit<Desk, 'terminal' | 'journal'>): Form {
  const { prompt } = desk;
  const people = candidates(desk);
  const fitting = (by: Person) =>
    people.findIndex((each) => each.role === by.role && (each.name === by.name || each.name === ''));
  const by = known.find((each) => fitting(each) >= 0);
  return {
    prompt: prompt.id,
    round: prompt.round,
    stage: 'choose',
    cursor: null,
    ticked: (prompt.items ?? []).map(() => false),
    reason: '',
    candidate: by ? fitting(by) : null,
    name: by?.name ?? '',
    by: null,
    refused: null,
  };
}

/** The option the pointer is on. */
export function chosen(form: Form, prompt: Prompt): PromptOption | undefined {
  return form.cursor === null ? undefined : prompt.options[form.cursor - form.ticked.length];
}

function moved(cursor: number | null, by: 1 | -1, length: number): number | null {
  if (length === 0) return null;
  if (cursor === null) return by > 0 ? 0 : length - 1;
  return Math.min(length - 1, Math.max(0, cursor + by));
}

function choose(form: Form, press: Press, desk: Desk): Form {
  const { prompt } = desk;
  const length = form.ticked.length + prompt.options.length;
  if ('letter' in press) {
    const option = Number.parseInt(press.letter, 10) - 1;
    if (option in prompt.options) return { ...form, cursor: form.ticked.length + option };
    if (press.letter !== ' ' || form.ticked.length === 0) return form;
    // Pointing at none, it is the next one to do.
    const at = form.cursor !== null && form.cursor < form.ticked.length ? form.cursor : form.ticked.indexOf(false);
    return at < 0
      ? form
      : { ...form, cursor: at, ticked: form.ticked.map((each, index) => (index === at ? !each : each)) };
  }
  if (!('key' in press)) return form;
  if (press.key === 'up') return { ...form, cursor: moved(form.cursor, -1, length) };
  if (press.key === 'down') return { ...form, cursor: moved(form.cursor, 1, length) };
  if (press.key !== 'enter') return form;
  const option = chosen(form, prompt);
  if (!option) return { ...form, refused: 'Choose an answer with the arrow keys or its number first.' };
  if (option.effect === 'proceed' && form.ticked.includes(false)) {
    return { ...form, refused: 'Tick every item with the space bar first, or choose another answer.' };
  }
  if (candidates(desk).length === 0) return { ...form, refused: forOthers(prompt, placeOf(desk.state, desk.journal)) };
  return { ...form, stage: option.reason ? 'reason' : 'who' };
}

function who(form: Form, press: Press, desk: Desk): Form {
  const people = candidates(desk);
  if ('letter' in press) {
    const candidate = Number.parseInt(press.letter, 10) - 1;
    return candidate in people ? { ...form, candidate } : form;
  }
  if (!('key' in press)) return form;
  if (press.key === 'up') return { ...form, candidate: moved(form.candidate, -1, people.length) };
  if (press.key === 'down') return { ...form, candidate: moved(form.candidate, 1, people.length) };
  if (press.key !== 'enter') return form;
  const by = form.candidate === null ? undefined : people[form.candidate];
  if (!by) return { ...form, refused: 'Say who answers, with the arrow keys or a number.' };
  return by.name === '' ? { ...form, by, stage: 'name' } : { ...form, by, stage: 'confirm' };
}

function write(form: Form, press: Press, field: 'reason' | 'name'): Form {
  const text = typed(form[field], press);
  if (text !== null) return { ...form, [field]: text };
  if (!('key' in press) || press.key !== 'enter') return form;
  if (form[field].trim() === '') {
    return { ...form, refused: field === 'reason' ? 'A reason is needed, for the report.' : 'A name is needed.' };
  }
  if (field === 'reason') return { ...form, stage: 'who' };
  return form.by ? { ...form, by: { ...form.by, name: form.name.trim() }, stage: 'confirm' } : form;
}

/** The answer the form comes to, or undefined while something is missing. */
export function answerOf(form: Form, { prompt, terminal }: Pick<Desk, 'prompt' | 'terminal'>): Answer | undefined {
  const option = chosen(form, prompt);
  if (!option || !form.by) return undefined;
  const reason = option.reason ? form.reason.trim() : '';
  return {
    prompt: prompt.id,
    round: prompt.round,
    choose: option.choose,
    ...(reason === '' ? {} : { reason }),
    by: form.by,
    proof: 'named',
    from: terminal,
  };
}

const BACK: Record<Stage, Stage> = {
  choose: 'choose',
  reason: 'choose',
  who: 'choose',
  name: 'who',
  confirm: 'who',
  signing: 'confirm',
  sent: 'choose',
};

/** The form after a key. `answer` is there once a person has confirmed one that counts, or would count once it is signed. */
export function answering(form: Form, press: Press, desk: Desk): { form: Form; answer?: Answer } {
  const clean = { ...form, refused: null };
  if ('key' in press && press.key === 'escape') {
    return { form: form.stage === 'choose' ? { ...clean, cursor: null } : { ...clean, stage: BACK[form.stage] } };
  }
  switch (form.stage) {
    case 'choose':
      return { form: choose(clean, press, desk) };
    case 'who':
      return { form: who(clean, press, desk) };
    case 'reason':
    case 'name':
      return { form: write(clean, press, form.stage) };
    case 'sent':
    case 'signing':
      return { form };
    case 'confirm': {
      if (!('key' in press) || press.key !== 'enter') return { form: clean };
      const plain = answerOf(form, desk);
      if (!plain) return { form: { ...clean, stage: 'choose' } };
      const answer = bound(desk.state, plain);
      const refused = refusal(desk.state, answer);
      if (refused !== null) return { form: { ...clean, refused } };
      const unproved = unsigned(desk.state, answer);
      if (unproved === null) return { form: { ...clean, stage: 'sent' }, answer };
      const signable = keysOf(desk.state, answer.by.name).length > 0;
      return signable ? { form: { ...clean, stage: 'signing' }, answer } : { form: { ...clean, refused: unproved } };
    }
  }
}
