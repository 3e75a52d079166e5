import { gather } from './evidence.ts';
import type { Kind } from './kind.ts';

/** Puts a question to a person, with what the database says about it. Nothing is chosen here. */
export const decision: Kind<'decision'> = {
  async perform(step, act, world) {
    const { evidence, rows } = await gather(step, act, world);
    const facts = { rows };
    if (step.ask === 'if-rows' && rows === 0) {
      return { finished: { summary: 'Nothing was found, so there is nothing to decide', facts, evidence } };
    }
    return { asks: { summary: step.question, facts, evidence } };
  },
};
