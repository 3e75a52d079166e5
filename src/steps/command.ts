import { unmet } from './expectation.ts';
import { ExpectationFailed, type Kind } from './kind.ts';
import { runProgram } from './program.ts';

/** Runs a command of the user's choice. Whether it has happened, after a crash, its own `verify` command tells. */
export const command: Kind<'command'> = {
  async perform(step, act, world) {
    const ended = await runProgram(step.run, step, act, world);
    const wrong = unmet({ exit: 0, ...step.expect }, ended);
    if (wrong.length > 0) throw new ExpectationFailed(`Not as expected: ${wrong.join('; ')}.`, [ended.evidence]);
    return { finished: { summary: `Ended as expected, exit code ${ended.exit}`, evidence: [ended.evidence] } };
  },

  async verify(step, act, world) {
    if (step.verify === undefined) {
      return {
        found: 'unclear',
        why: 'The command was started and nobody saw it end; it has no command to verify it.',
      };
    }
    const { exit, evidence } = await runProgram(step.verify, step, act, world);
    if (exit !== 0) return { found: 'not-done' };
    return { found: 'done', result: { summary: 'Had already been done, says its verification', evidence: [evidence] } };
  },
};
