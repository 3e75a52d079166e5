import { failureOptions } from '../run/answering/failure-prompts.ts';
import type { Person } from '../run/events.ts';
import type { RunState } from '../run/state.ts';
import { undoable } from '../run/undo.ts';
import { didYouMean } from '../runbook/nearest.ts';
import { type Runbook, stepsCalled } from '../runbook/plan.ts';
import type { RehearsalAnswer } from '../runbook/schema.ts';
import type { Step } from '../runbook/step-schema.ts';

/** What one `--fail` asks for: steps that fail once, and what is then chosen; undefined: whoever is there chooses. */
export interface Trouble {
  name: string;
  steps: Step[];
  choose: string | undefined;
}

/** What may be chosen when a step fails, as far as it is known before the run: everything before it is taken as begun. */
function choices(runbook: Runbook, step: Step): string[] {
  const phase = runbook.activities.find((activity) => activity.steps.includes(step))?.phase ?? 'window';
  const steps = runbook.activities.filter((activity) => activity.phase !== 'rollback').flatMap(({ steps }) => steps);
  const traces = steps.slice(0, steps.indexOf(step) + 1).some(undoable);
  return failureOptions(step, phase, traces).map((each) => each.choose);
}

/**
 * Reads `STEP` or `STEP=CHOICE`. A step that is repeated for each item goes by its own name for all of them, or with the
 * item's for one.
 * @param refuse ends the program: there is no such step, or it does not offer that choice
 */
export function troubleOf(runbook: Runbook, text: string, refuse: (why: string) => never): Trouble {
  // The name of an item is that of a table, and may hold any sign.
  const at = stepsCalled(runbook, text).length > 0 ? -1 : text.lastIndexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  const choose = at < 0 ? undefined : text.slice(at + 1);
  const steps = stepsCalled(runbook, name);
  if (steps.length === 0) {
    const ids = runbook.activities.flatMap((activity) => activity.steps.map(({ id }) => id));
    const known = new Set([...ids.map((id) => id.split('.')[0] ?? id), ...ids]);
    refuse(`--fail ${text}: this runbook has no step called ${name}${didYouMean(name, known)}`);
  }
  for (const step of steps) {
    const offered = choices(runbook, step);
    if (choose === undefined || offered.includes(choose)) continue;
    refuse(`--fail ${text}: when ${step.id} fails, one may choose ${offered.join(', ')}${didYouMean(choose, offered)}`);
  }
  return { name, steps, choose };
}

/** Why a rehearsal answers as it does, where an answer needs a reason; undefined when nothing was to fail. */
export function reasonOf(troubles: Trouble[]): string | undefined {
  return troubles.length === 0 ? undefined : `A rehearsal of ${troubles.map(({ name }) => name).join(', ')} failing`;
}

/** What is answered to the questions that these failures lead to. */
export function chosenAnswers(troubles: Trouble[], by: Person): Record<string, RehearsalAnswer> {
  return Object.fromEntries(
    troubles.flatMap((trouble) => {
      const { steps, choose } = trouble;
      const reason = reasonOf([trouble]);
      if (choose === undefined || reason === undefined) return [];
      return steps.map((step) => [`${step.id}.failed`, { choose, reason, as: by.role }]);
    }),
  );
}

/** What was to fail and did not, because the run never came to it or left it out. */
export function neverFailed(troubles: Trouble[], state: RunState): string[] {
  return troubles
    .filter(({ steps }) => steps.every(({ id }) => !state.prompts.some(({ prompt }) => prompt.id === `${id}.failed`)))
    .map(({ name }) => name);
}
