import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Program } from '../run/events.ts';
import type { Act } from '../run/performer.ts';
import { isAlive, sameBoot } from '../run/process.ts';
import { stepState } from '../run/state.ts';
import { unmet } from './expectation.ts';
import { ExpectationFailed, type Kind } from './kind.ts';
import { runProgram } from './program.ts';

/** Between two looks at a program that another conductor has left at work, in ms. */
const LOOK_EVERY = 250;

/**
 * Runs a command of the user's choice. After a crash it may still be at work, and is followed to its end; whether it has
 * happened then, its own `verify` command tells.
 */
export const command: Kind<'command'> = {
  async perform(step, act, world) {
    const ended = await runProgram(step.run, step, act, world, { recorded: true });
    const wrong = unmet({ exit: 0, ...step.expect }, ended);
    if (wrong.length > 0) throw new ExpectationFailed(`Not as expected: ${wrong.join('; ')}.`, [ended.evidence]);
    return { finished: { summary: `Ended as expected, exit code ${ended.exit}`, evidence: [ended.evidence] } };
  },

  async verify(step, act, world) {
    const { program } = stepState(act.state(), step.id);
    if (program !== null && isHere(program)) await toItsEnd(program, act);
    const verified = step.verify && (await runProgram(step.verify, step, act, world));
    if (verified?.exit === 0) {
      return {
        found: 'done',
        result: { summary: 'Had already been done, says its verification', evidence: [verified.evidence] },
      };
    }
    // None is let go before it is on record.
    if (program === null || (verified && isHere(program))) return { found: 'not-done' };
    const said = verified
      ? `Its verification ended with exit code ${verified.exit}.\n${verified.output}`
      : 'It has no command to verify it.';
    return { found: 'unclear', why: `${whatIsKnown(program)} ${said}` };
  },
};

/** Whether a program can be looked at from here. */
const isHere = (program: Program) => program.host === hostname() && sameBoot(program);

async function toItsEnd(program: Program, act: Act): Promise<void> {
  if (!isAlive(program)) return;
  const note = `following process ${program.pid}, which the conductor before has left at work (kill ${program.pid} ends it)`;
  await act.note(note);
  while (isAlive(program)) {
    act.pulse({ done: 0, total: 0, unit: '', note });
    await delay(LOOK_EVERY, undefined, { signal: act.signal });
  }
}

function whatIsKnown(program: Program): string {
  const { pid, host } = program;
  return isHere(program)
    ? `The command was begun as process ${pid}, which has ended, by itself or when the run was stopped; how, is not on record.`
    : `The command was begun as process ${pid} on ${host}, before this machine was started or on another one: look there whether it is still at work.`;
}
