import { didYouMean } from '../nearest.ts';
import type { Rule } from './rule.ts';

/** Prompts that belong to no step, and what a step's own are called after its id. */
const OF_THE_RUN = ['rollback', 'early', 'tripwire'];

/** A rehearsal's answers are answers to something that is asked. */
export const answered: Rule = ({ answers, steps, names }, report) => {
  for (const { path, value } of answers) {
    const prompt = String(path.at(-1));
    const [of = ''] = prompt.split('.');
    if (OF_THE_RUN.includes(of)) continue;
    if (!names.step.includes(of)) report(path, `nothing asks '${prompt}'${didYouMean(of, names.step)}`, 'key');
    const step = steps.find((each) => each.value.id === of)?.value;
    if (step?.kind !== 'decision' || /\.(?:failed|undo-failed|in-doubt)$/.test(prompt)) continue;
    const choices = step.options.map(({ choose }) => choose);
    if (!choices.includes(value.choose)) {
      report(
        [...path, 'choose'],
        `'${of}' does not offer '${value.choose}'${didYouMean(value.choose, choices) || `; it offers ${choices.join(', ')}`}`,
      );
    }
  }
};
