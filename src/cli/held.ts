import { type Holder, LeaseHeld } from '../run/journal/journal.ts';
import { LAPSE } from '../run/journal/lease.ts';
import { commandLine, type Place } from '../ui/commands.ts';

/**
 * What is said to who would conduct a run that has its conductor, with the commands that are left to them, each on a line
 * of its own, to be copied.
 * @param conductor who started that one, and how long ago, as a piece of a sentence
 */
export function held(holder: Holder, at: Place, conductor = ''): LeaseHeld {
  const takeOver = `\n  ${commandLine(at, 'run', '--take-over')}`;
  const left = Math.ceil((LAPSE - holder.unheardMs) / 1000);
  return new LeaseHeld(holder, {
    conductor,
    advice: holder.silent
      ? `If it is gone, stopped or cut off, take over (--as ROLE):${takeOver}`
      : `To see it, and with --as ROLE to answer, or by R to ask for a rollback:\n  ${commandLine(at, 'attach')}\n` +
        `To have it hand the run over to this machine (--as ROLE):\n  ${commandLine(at, 'handover')}\n` +
        `Should nothing be heard of it for another ${left} s, to go on in its place (--as ROLE):${takeOver}`,
  });
}
