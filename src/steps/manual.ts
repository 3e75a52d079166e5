import { gather } from './evidence.ts';
import type { Kind } from './kind.ts';

/** A checklist for a person, with what there is to look at. */
export const manual: Kind<'manual'> = {
  async perform(step, act, world) {
    const { evidence } = await gather(step, act, world);
    return { asks: { summary: step.items.length === 1 ? 'One item' : `${step.items.length} items`, evidence } };
  },
};
