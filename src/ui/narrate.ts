import { givesWord } from '../run/answering/prompts.ts';
import { PROOF_WORDS } from '../run/answering/proof.ts';
import { type Person, type RunEvent, WATCHER } from '../run/events.ts';
import type { RunState } from '../run/state.ts';
import { findStep, type Runbook } from '../runbook/plan.ts';
import { count, duration, plural, utcMinute } from './format.ts';
import type { Glyphs, Tone } from './look.ts';

/** An event in words. The text is not yet inert. */
export interface Told {
  mark: keyof Pick<Glyphs, 'done' | 'accepted' | 'running' | 'asking' | 'failed' | 'skipped' | 'undone' | 'dot'>;
  text: string;
  tone: Tone;
}

/** `Ada (Tech Lead)` */
export function personName(by: Person, runbook: Runbook): string {
  if (by.role === WATCHER) return `${by.name} (watching)`;
  return `${by.name} (${runbook.document.roles[by.role]?.title ?? by.role})`;
}

/** The title of a step, or its id when the runbook has none such. */
export function stepTitle(id: string, runbook: Runbook): string {
  return findStep(runbook, id)?.step.title ?? id;
}

/** What a prompt is about, short enough for a line: the title of its step, else its question. */
function promptTitle(id: string, state: RunState, runbook: Runbook): string {
  const prompt = state.prompts.findLast((each) => each.prompt.id === id)?.prompt;
  return prompt?.step === undefined ? (prompt?.question ?? id) : stepTitle(prompt.step, runbook);
}

const REQUESTED = {
  'begin-early': 'asks to begin before the window opens',
  pause: 'paused the run',
  resume: 'resumed the run',
  stop: 'stopped the run',
  'stop-unanswered': 'has the run stop here, for nobody is to be waited for',
  'hand-over': 'asks for the run to be handed over',
  'take-over': 'takes the run over',
  'roll-back': 'wants to roll back',
  faster: 'asked for more speed',
  slower: 'asked for less speed',
  workers: 'asked for',
} as const;

/** A request as what somebody did. */
function requestText({ request, workers }: Extract<RunEvent, { type: 'requested' }>): string {
  return workers === undefined ? REQUESTED[request] : `${REQUESTED[request]} ${plural(workers, 'worker')}`;
}

const OUTCOME = { done: 'done', aborted: 'aborted', 'rolled-back': 'rolled back' } as const;

/** A shorter jump of a rehearsal's clock is not worth a line, in ms: monitoring makes one a sample. */
const JUMP = 5 * 60_000;

const because = (reason: string | undefined) => (reason ? `: ${reason}` : '');
const told = (mark: Told['mark'], text: string, tone: Tone = 'plain'): Told => ({ mark, text, tone });

/**
 * An event as one line for log and plain output; null for what only the report needs.
 * @param state the state after the event
 */
export function narrate(event: RunEvent, state: RunState, runbook: Runbook): Told | null {
  switch (event.type) {
    case 'run-opened':
      return told('dot', `${personName(event.by, runbook)} opened the run ${event.run}`);
    case 'conductor-started':
      return told(
        'dot',
        `${personName(event.by, runbook)} has it conducted on ${event.host}, process ${event.pid}`,
        'quiet',
      );
    case 'conductor-left':
      return told('dot', `conductor left: ${event.why}`);
    case 'conductor-noted':
      return told('dot', event.note);
    case 'target-doubted':
      return told('failed', `${event.target.where} is not as this run left it: ${event.why}`, 'bad');
    case 'target-bound':
      return told('dot', `bound to ${event.target.where}, PostgreSQL ${event.target.version}, as ${event.target.role}`);
    case 'clock-jumped':
      return event.byMs < JUMP ? null : told('dot', `clock moved on by ${duration(event.byMs)}`, 'quiet');
    case 'window-began':
      return told('running', 'the window began', 'strong');
    case 'step-begun':
      return told(
        'running',
        `${stepTitle(event.step, runbook)}${event.attempt > 1 ? `, attempt ${event.attempt}` : ''}`,
      );
    case 'step-finished': {
      const exceptions = event.result.exceptions ?? [];
      const text = `${stepTitle(event.step, runbook)}: ${event.result.summary} (${duration(event.workMs)})`;
      if (exceptions.length === 0) return told('done', text, 'good');
      return told('accepted', `${text}, with ${plural(exceptions.length, 'exception')}`, 'warn');
    }
    case 'step-skipped':
      return told('skipped', `${stepTitle(event.step, runbook)} skipped: ${event.why}`, 'quiet');
    case 'step-failed':
      return told('failed', `${stepTitle(event.step, runbook)} failed: ${event.failure.message}`, 'bad');
    case 'step-not-done':
      return told('dot', `${stepTitle(event.step, runbook)} had not happened: ${event.why}`);
    case 'undo-begun':
      return told('undone', `undoing ${stepTitle(event.step, runbook)}`);
    case 'undo-finished':
      return told('undone', `${stepTitle(event.step, runbook)} undone: ${event.result.summary}`, 'good');
    case 'undo-failed':
      return told('failed', `undoing ${stepTitle(event.step, runbook)} failed: ${event.failure.message}`, 'bad');
    case 'prompt-opened':
      return told('asking', event.prompt.question, 'warn');
    case 'prompt-answered': {
      const { answer } = event;
      const asked = state.prompts.find(
        (each) => each.prompt.id === answer.prompt && each.prompt.round === answer.round,
      );
      const refused = asked?.answers.findLast((each) => each.answer.from === answer.from)?.refused ?? null;
      const person = personName(answer.by, runbook);
      const who = answer.proof === 'rehearsal' ? `the rehearsal answered for ${person}` : `${person} answered`;
      const word = asked !== undefined && givesWord(asked.prompt);
      const how = answer.proof !== 'rehearsal' && (word || answer.proof === 'signed');
      const what = promptTitle(answer.prompt, state, runbook);
      const text = `${who} “${answer.choose}”${answer.reason ? `, because ${answer.reason}` : ''}: ${what}${how ? ` (${PROOF_WORDS[answer.proof]})` : ''}`;
      return refused === null ? told('dot', text, 'strong') : told('failed', `${text}. Refused: ${refused}`, 'warn');
    }
    case 'prompt-settled': {
      const asked = state.prompts.find(({ prompt }) => prompt.id === event.prompt && prompt.round === event.round);
      const overruled = asked?.answers.filter((each) => each.overruled) ?? [];
      if (!asked?.settled || overruled.length === 0) return null;
      const others = overruled.map(({ answer }) => `${personName(answer.by, runbook)}’s “${answer.choose}”`).join(', ');
      const counts = `${personName(asked.settled.by, runbook)}’s “${asked.settled.choose}” counts`;
      const same = overruled.every(({ answer }) => answer.choose === asked.settled?.choose);
      return told(
        'accepted',
        `${counts}${same ? '; after it came' : ', not'} ${others}: ${promptTitle(event.prompt, state, runbook)}`,
        'warn',
      );
    }
    case 'prompt-closed':
      return told('dot', `${promptTitle(event.prompt, state, runbook)} is no longer asked: ${event.why}`, 'quiet');
    case 'step-noted':
      return told('dot', `${stepTitle(event.step, runbook)}: ${event.note}`);
    case 'requested':
      return told('dot', `${personName(event.by, runbook)} ${requestText(event)}${because(event.reason)}`, 'strong');
    case 'change-proposed':
      return told(
        'dot',
        `${personName(event.by, runbook)} wants to go on with a changed runbook${because(event.reason)}`,
        'strong',
      );
    case 'signoff-lapsed':
      return told('dot', `${stepTitle(event.step, runbook)} is asked for again: ${event.why}`, 'warn');
    case 'rollback-begun':
      return told('undone', `rollback approved and begun: ${event.reason}`, 'bad');
    case 'message-owed':
      return null;
    case 'message-sent': {
      const message = state.messages[event.id]?.message;
      if (message?.channel === 'status') return told('dot', `status page: ${message.body}`);
      const reached = plural(event.recipients, 'recipient');
      return told('dot', `mail to ${reached}: ${message?.subject ?? event.id}`);
    }
    case 'message-failed': {
      const message = state.messages[event.id]?.message;
      const again =
        event.retryAt === null || state.outcome ? 'not tried again' : `tried again at ${utcMinute(event.retryAt)}`;
      const what = message?.channel === 'status' ? 'status post' : `mail “${message?.subject ?? event.id}”`;
      return told('failed', `${what} not sent, ${again}: ${event.failure.message}`, 'warn');
    }
    case 'program-started':
    case 'step-asked':
    case 'step-sampled':
    case 'watch-sampled':
      return null;
    case 'warned':
      return told('failed', `on ${event.host}: ${event.warning}`, 'warn');
    case 'terminal-attached':
      return told('dot', `${personName(event.by, runbook)} attached from ${event.terminal}`, 'quiet');
    case 'terminal-left':
      return event.silent
        ? told('dot', `nothing is heard any more of ${personName(event.by, runbook)} at ${event.terminal}`, 'warn')
        : told('dot', `${personName(event.by, runbook)} left ${event.terminal}`, 'quiet');
    case 'run-finished':
      return told(
        event.outcome === 'done' ? 'done' : 'undone',
        `the run is ${OUTCOME[event.outcome]}: ${event.why}`,
        event.outcome === 'done' ? 'good' : 'bad',
      );
  }
}

/** `1,204 asked, 3 failed` of a watch, for the one line it gets. */
export function watchLine(asked: number, failed: number, downMs: number, p99Ms: number): string {
  const away = downMs > 0 ? `, away ${duration(downMs)}` : '';
  return `${count(asked)} asked, ${count(failed)} failed${away}, p99 ${Math.round(p99Ms)} ms`;
}
