import type { Answer } from './events.ts';
import type { RunState } from './state.ts';

/**
 * Why an answer does not count, in words for the person who gave it; null when it does. A rollback is approved by
 * somebody other than the one who asked for it.
 */
export function refusal(state: RunState, answer: Answer): string | null {
  const asked = state.prompts.find((each) => each.prompt.id === answer.prompt && each.prompt.round === answer.round);
  if (!asked) return `Nothing called ${answer.prompt} has been asked.`;
  const { prompt, settled, closedAt } = asked;
  if (settled) return `${settled.by.name} has already answered: ${settled.choose}.`;
  if (closedAt !== null) return 'This question is no longer open.';
  const option = prompt.options.find((each) => each.choose === answer.choose);
  if (!option) return `Choose one of ${prompt.options.map((each) => each.choose).join(', ')}.`;
  if (option.reason && !answer.reason?.trim()) return `“${option.choose}” needs a reason, for the report.`;
  if (answer.by.name.trim() === '') return 'A name is needed.';
  const names = state.people[answer.by.role];
  if (names === undefined) return `${answer.by.role} is no role of this runbook.`;
  if (names.length > 0 && !names.includes(answer.by.name)) {
    return `${answer.by.name} is not named as ${answer.by.role} in this runbook; it names ${names.join(', ')}.`;
  }
  if (prompt.who.length > 0 && !prompt.who.includes(answer.by.role)) {
    return `This is for ${prompt.who.join(' or ')} to answer, not for ${answer.by.role}.`;
  }
  if (prompt.kind === 'rollback' && option.effect === 'roll-back' && state.rollback?.by?.name === answer.by.name) {
    return `${answer.by.name} asked for the rollback; a second person approves it.`;
  }
  return null;
}
