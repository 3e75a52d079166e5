import { didYouMean } from '../nearest.ts';
import type { Step } from '../step-schema.ts';
import type { Rule } from './rule.ts';

/** Prompts that belong to no step. */
const OF_THE_RUN = ['rollback', 'tripwire'];

/** A rehearsal's answers are answers to something that is asked, by somebody who may give them. */
export const answered: Rule = ({ answers, steps, names }, report) => {
  for (const { path, value } of answers) {
    const prompt = String(path.at(-1));
    const [of = ''] = prompt.split('.');
    if (OF_THE_RUN.includes(of)) continue;
    if (!names.step.includes(of)) report(path, `nothing asks '${prompt}'${didYouMean(of, names.step)}`, 'key');
    const step = steps.find((each) => each.value.id === of)?.value;
    if (step === undefined || /\.(?:failed|undo-failed|in-doubt)$/.test(prompt)) continue;
    const { choices, who } = asked(step);
    if (choices !== undefined && !choices.includes(value.choose)) {
      report(
        [...path, 'choose'],
        `'${of}' does not offer '${value.choose}'${didYouMean(value.choose, choices) || `; it offers ${choices.join(', ')}`}`,
      );
    }
    if (who.length > 0 && !who.includes(value.as) && names.role?.includes(value.as))
      report([...path, 'as'], `'${of}' is for ${who.join(' or ')} to answer, not for ${value.as}`);
  }
};

/** What may be answered to a step's own question, as far as the document tells, and by whom; by anybody when none is named. */
function asked(step: Step): { choices?: string[]; who: string[] } {
  if (step.kind === 'decision') return { choices: step.options.map(({ choose }) => choose), who: step.who };
  if (step.kind === 'manual') return { who: step.who };
  return { who: step.kind === 'signoff' ? [step.role] : [] };
}
