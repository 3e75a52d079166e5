import { setTimeout as delay } from 'node:timers/promises';
import type { Runbook } from '../runbook/plan.ts';
import { tripwirePrompt } from './answering/failure-prompts.ts';
import { nextRound } from './answering/prompts.ts';
import type { Postman } from './deliveries.ts';
import type { RollCall } from './roll-call.ts';
import type { Scribe } from './scribe.ts';
import { stepState } from './state.ts';

/** How often a conductor looks for answers, due messages and tripwires while a step is at work, in ms. */
export const BEAT = 200;
/** How often the lease is renewed, in ms. */
export const RENEWAL = 5_000;

/** A risk of the plan whose limit is passed becomes a question; the step goes on meanwhile. */
async function tripwires(runbook: Runbook, scribe: Scribe): Promise<void> {
  const steps = runbook.activities.flatMap((activity) => activity.steps);
  for (const risk of runbook.document.risks) {
    const { tripwire } = risk;
    const step = tripwire && steps.find((each) => each.id === tripwire.step);
    if (!step) continue;
    const { status, beganAt } = stepState(scribe.state, step.id);
    const tookMs = scribe.clock.now() - (beganAt ?? Number.POSITIVE_INFINITY);
    if (status !== 'running' || tookMs <= tripwire.over) continue;
    const asked = tripwirePrompt(risk, step, tookMs);
    if (nextRound(scribe.state, asked.id) > 1) continue;
    await scribe.log([{ type: 'prompt-opened', prompt: { ...asked, round: 1 } }]);
  }
}

/**
 * What goes on beside the steps until the signal is aborted: answers, pulses, messages, tripwires, the lease.
 * @throws whatever keeps the journal from being written, LeaseLost among it
 */
export async function heartbeat(
  runbook: Runbook,
  scribe: Scribe,
  postman: Postman,
  rollCall: RollCall,
  signal: AbortSignal,
): Promise<void> {
  let renewed = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    // First of all: a process that was stopped for a while learns here that it conducts no more.
    if (performance.now() - renewed > RENEWAL) {
      await scribe.renew();
      renewed = performance.now();
    }
    await scribe.settle();
    await scribe.showPulses();
    await postman.round();
    await tripwires(runbook, scribe);
    await rollCall.round();
    await delay(BEAT, undefined, { signal }).catch(() => undefined);
  }
}
