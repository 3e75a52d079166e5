import type { Answer, Prompt } from '../events.ts';
import type { PromptState, RunState } from '../state.ts';
import { sameName } from './people.ts';
import { bindingOf } from './statement.ts';

/** The question an answer is given to; undefined when it was never asked. */
export function askedBy(state: RunState, answer: Pick<Answer, 'prompt' | 'round'>): PromptState | undefined {
  return state.prompts.find(({ prompt }) => prompt.id === answer.prompt && prompt.round === answer.round);
}

/** The answer, tied to what it says and to what was on the screen: see `statementText`. */
export function bound(state: RunState, answer: Answer): Answer {
  const asked = askedBy(state, answer);
  return asked ? { ...answer, binds: bindingOf(state, asked, answer) } : answer;
}

/**
 * Why an answer does not count, in words for the person who gave it; null when it does. What a second person has to
 * approve is not approved by the first, and one person does not sign in two roles.
 */
export function refusal(state: RunState, answer: Answer): string | null {
  const asked = askedBy(state, answer);
  if (!asked) return `Nothing called ${answer.prompt} has been asked.`;
  const { prompt, settled, closedAt } = asked;
  if (settled) return `${settled.by.name} has already answered: ${settled.choose}.`;
  if (closedAt !== null) return 'This question is no longer open.';
  const option = prompt.options.find((each) => each.choose === answer.choose);
  if (!option) return `Choose one of ${prompt.options.map((each) => each.choose).join(', ')}.`;
  if (option.reason && !answer.reason?.trim()) return `“${option.choose}” needs a reason, for the report.`;
  if (answer.by.name.trim() === '') return 'A name is needed.';
  const { role } = answer.by;
  const names = Object.hasOwn(state.people, role) ? state.people[role] : undefined;
  if (names === undefined) return `${role} is no role of this runbook.`;
  if (names.length > 0 && !names.includes(answer.by.name)) {
    return `${answer.by.name} is not named as ${answer.by.role} in this runbook; it names ${names.join(', ')}.`;
  }
  if (prompt.who.length > 0 && !prompt.who.includes(answer.by.role)) {
    return `This is for ${prompt.who.join(' or ')} to answer, not for ${answer.by.role}.`;
  }
  return option.approves ? approvalRefusal(state, prompt, answer) : null;
}

/** Why this person's approval or signature does not count; null when it does. */
function approvalRefusal(state: RunState, prompt: Prompt, { by, proof }: Answer): string | null {
  const barred = prompt.notBy?.find(({ name }) => sameName(name, by.name));
  if (barred) return `${by.name} ${barred.why}; a second person approves it.`;
  if (prompt.kind !== 'signoff' || proof === 'rehearsal') return null;
  const other = state.prompts
    .filter((each) => each.prompt.kind === 'signoff' && each.settled !== null && each.superseded === null)
    .find(({ settled }) => settled && sameName(settled.by.name, by.name) && settled.by.role !== by.role)?.settled
    ?.by.role;
  if (other === undefined || state.together.some((roles) => roles.includes(other) && roles.includes(by.role)))
    return null;
  return `${by.name} has signed as ${other}; one person does not fill two roles, unless the runbook says so (one_person_may_fill).`;
}

/** Whether a choice says no: stops the run, turns it back, or withholds what the question asks for. */
function rejects({ kind, options }: Prompt, choose: string): boolean {
  if (kind === 'change') return choose === 'refuse';
  const effect = options.find((each) => each.choose === choose)?.effect;
  if (kind === 'rollback') return effect !== 'roll-back';
  if (kind === 'signoff' && (choose === 'no' || choose === 'fail')) return true;
  return effect === 'abort' || effect === 'roll-back';
}

/** Whether a question is open, and has an answer that the conductor may act on. */
export function ready({ settled, closedAt, answers }: PromptState): boolean {
  return settled === null && closedAt === null && answers.some(({ refused }) => refused === null);
}

/**
 * Which of the answers to a question counts, and why the others do not: the first that rejects, else the first. Two people
 * who answer at once so come to the same end in whichever order their answers were recorded, wherever one of them says no.
 */
export function counted({ prompt, answers }: PromptState): Pick<PromptState, 'answers' | 'settled'> {
  const valid = answers.filter(({ refused }) => refused === null);
  const winner = valid.find(({ answer }) => rejects(prompt, answer.choose)) ?? valid[0];
  if (!winner) return { answers, settled: null };
  const { by, choose } = winner.answer;
  const after = answers.indexOf(winner);
  const why = (index: number) =>
    index > after
      ? `It came second: ${by.name} had answered “${choose}”.`
      : `${by.name} answered “${choose}” before anything was done about it, and a rejection wins.`;
  return {
    answers: answers.map((each, index) =>
      each === winner || each.refused !== null ? each : { ...each, refused: why(index), overruled: true },
    ),
    settled: winner.answer,
  };
}
