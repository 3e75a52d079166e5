import type { Kind } from './kind.ts';

/** Puts messages on record as owed. They are sent beside the run, and never hold it up. */
export const notify: Kind<'notify'> = {
  async perform(step) {
    return { finished: { summary: `To be sent: ${step.messages.join(', ')}`, owes: step.messages } };
  },
};
