import { gather } from './evidence.ts';
import type { Kind } from './kind.ts';
import { showAccess } from './policies/access.ts';
import { showPolicies } from './policies/inventory.ts';

/** Puts a question to a person, with what the database says about it. Nothing is chosen here. */
export const decision: Kind<'decision'> = {
  async perform(step, act, world) {
    const found = [
      await showPolicies(step, act, world),
      await showAccess(step, act, world),
      await gather(step, act, world),
    ];
    const evidence = found.flatMap((each) => each.evidence);
    const rows = found.reduce((sum, each) => sum + each.rows, 0);
    const facts = { rows };
    if (step.ask === 'if-rows' && rows === 0) {
      return { finished: { summary: 'Nothing was found, so there is nothing to decide', facts, evidence } };
    }
    return { asks: { summary: step.question, facts, evidence } };
  },
};
