import { describe, expect, it } from 'vitest';
import { forecast } from '../../src/run/forecast.ts';
import type { Pulse } from '../../src/run/journal/journal.ts';
import { ADA, GRACE } from './archive.ts';
import { Night, night } from './night.ts';

const MINUTE = 60_000;
const at = (minutes: number) => night.opens + minutes * MINUTE;
const seen = (run: Night, pulses: Pulse[] = []) => forecast(night, run.state, pulses, run.now);
const pulse = (done: number): Pulse => ({ step: 'copy', at: 0, done, total: 100, unit: 'rows' });

/** A night whose copying began at this minute of the window. */
function copying(minute: number): Night {
  const run = new Night().untilStep('copy');
  run.now = at(minute);
  return run.happens({ type: 'step-begun', step: 'copy', attempt: 1 });
}

describe('the forecast', () => {
  it('is the estimates, from the opening on, before anything has begun', () => {
    const { percent, finishAt, earlyMs } = seen(new Night());
    expect({ percent, finishAt, earlyMs }).toEqual({ percent: 0, finishAt: at(90), earlyMs: 30 * MINUTE });
  });

  it('counts a step that was left out as over', () => {
    // 10 of 60 minutes of estimates are done, 10 were not needed, in an activity that weighs 60 of 90.
    expect(seen(copying(5)).percent).toBeCloseTo((100 * 60 * (20 / 60)) / 90);
  });

  it('goes by the rate of the step at work, once that says something', () => {
    const run = copying(10);
    run.now = at(20);
    // A quarter in ten minutes: thirty more, then 30 minutes of looking.
    expect(seen(run, [pulse(25)]).finishAt).toBe(at(20 + 30 + 30));
    expect(seen(run, [pulse(1)]).finishAt).toBeCloseTo(at(20 + 60 * (1 - 20.4 / 60) + 30), -1);
  });

  it('is late once the clock has passed what is left', () => {
    const run = copying(10);
    run.now = at(100);
    expect(seen(run).earlyMs).toBeLessThan(0);
  });

  it('lets one go back until the undos of what was begun just fit, at their estimates or as long as they took', () => {
    const before = seen(new Night());
    expect(before.undoMs).toBe(10 * MINUTE);
    const run = copying(10);
    run.happens({ type: 'step-finished', step: 'copy', attempt: 1, result: { summary: '' }, workMs: 7 * MINUTE });
    // The rollback's own checks, the table's estimate, and the copying's own time.
    expect(seen(run)).toMatchObject({ undoMs: 22 * MINUTE, latestRollbackAt: night.closes - 22 * MINUTE });
  });

  it('of a rollback is what is left to undo', () => {
    const run = copying(10).happens({ type: 'requested', request: 'roll-back', by: ADA, reason: 'slow' });
    run.until((action) => action.do === 'wait-for-person').answers(GRACE, 'approve');
    run.until((action) => action.do === 'undo').does(run.next);
    expect(seen(run).finishAt).toBe(run.now + 15 * MINUTE);
  });
});
