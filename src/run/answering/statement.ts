import { hash } from 'node:crypto';
import type { Sources } from '../../runbook/schema.ts';
import type { Answer, Prompt } from '../events.ts';
import { HIDDEN, jsonText } from '../json-text.ts';
import type { PromptState, RunState } from '../state.ts';

/** One hash for a runbook and every file it names: which version of all of them a run works from. */
export function pinOf({ yaml, files }: Sources): string {
  const lines = Object.values(files).map(({ path, hash }) => `${hash}  ${path}\n`);
  return hash('sha256', `${yaml.hash}\n${lines.sort().join('')}`);
}

/** A value on one line: as it is, or as JSON when it has signs that do not show, so that nothing can pass for another line. */
function onOneLine(value: string): string {
  return value.search(HIDDEN) < 0 && !/^(?:"|\s|$)|\n|\s$/.test(value) ? value : jsonText(value);
}

/** Hash of all that a question put on the screen: its words, its evidence, and each answer with what it does. */
export function shownHash(prompt: Prompt): string {
  return hash('sha256', JSON.stringify(prompt));
}

/**
 * What an answer says, in full, and what a signature is made over: who says what, as whom, to which question of which run,
 * with which runbook, having seen what. `asked` is the journal's record of the question, whose hash covers all before it.
 */
export function statementText(
  state: RunState,
  { prompt, record }: PromptState,
  { choose, reason, by }: Pick<Answer, 'choose' | 'reason' | 'by'>,
): string {
  const { run, pin, target } = state;
  const where = target && `${target.where}, database ${target.database}, system ${target.system}`;
  const says = prompt.options.find((option) => option.choose === choose)?.says;
  const lines: [string, string | undefined | null][] = [
    ['run', run],
    ['runbook', pin],
    ['target', where],
    ['question', prompt.question],
    ['prompt', `${prompt.id}, round ${prompt.round}`],
    ['asked', `record ${record.seq}, ${record.hash}`],
    ['shown', shownHash(prompt)],
    ['answer', choose],
    ['means', says],
    ['reason', reason],
    ['role', by.role],
    ['person', by.name],
  ];
  const text = lines.flatMap(([name, value]) => (value == null ? [] : [`${name}: ${onOneLine(value)}\n`]));
  return `My answer in a maintenance window\n${text.join('')}`;
}

/** The hash that ties an answer to its statement. */
export const bindingOf = (...statement: Parameters<typeof statementText>): string =>
  hash('sha256', statementText(...statement));
