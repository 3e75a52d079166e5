import fc from 'fast-check';
import { expect, it } from 'vitest';
import { choiceOf } from '../../src/run/state.ts';
import { ADA, BARBARA, GRACE } from './archive.ts';
import { Night } from './night.ts';

/** A night whose count has failed: whoever has a role may retry, copy, roll back or abort. */
function failed(): Night {
  const run = new Night().until((action) => action.do === 'perform' && action.step.id === 'count');
  run.does(run.next, 'badly');
  return run.does(run.next);
}

const NO = ['roll-back', 'abort'];
const given = fc.record({
  by: fc.constantFrom(ADA, GRACE, BARBARA),
  choose: fc.constantFrom('retry', 'copy', 'roll-back', 'abort', 'what-is-not-offered'),
});

it('comes to the same end in whichever order people answered at once: a rejection wins, else who was first; all is kept', () => {
  let contradicted = 0;
  fc.assert(
    fc.property(fc.array(given, { minLength: 1, maxLength: 20 }), (all) => {
      const run = failed();
      for (const { by, choose } of all) run.says(by, choose, 'because');
      const offered = all.filter(({ choose }) => choose !== 'what-is-not-offered');
      expect(run.next.do).toBe(offered.length > 0 ? 'settle' : 'wait-for-person');
      if (offered.length === 0) return;
      run.does(run.next);
      const asked = run.state.prompts.at(-1);
      const wins = offered.find(({ choose }) => NO.includes(choose)) ?? offered[0];
      expect(asked?.settled).toMatchObject({ by: wins?.by, choose: wins?.choose });
      expect(asked?.answers.map(({ answer }) => answer.choose)).toEqual(all.map(({ choose }) => choose));
      expect(asked?.answers.filter(({ refused }) => refused === null)).toHaveLength(1);
      expect(asked?.answers.filter(({ overruled }) => overruled)).toHaveLength(offered.length - 1);
      expect(run.state.abort !== null).toBe(wins?.choose === 'abort');
      expect(run.state.rollback !== null).toBe(wins?.choose === 'roll-back');
      if (wins !== offered[0]) contradicted += 1;
    }),
  );
  expect(contradicted).toBeGreaterThan(0);
});

it('refuses a rejection that comes once an approval has been acted on, and says who was faster', () => {
  const run = failed().answers(ADA, 'retry');
  expect(run.next).toMatchObject({ do: 'perform', attempt: 2 });
  const { id: prompt, round } = run.state.prompts.at(-1)?.prompt ?? { id: '', round: 0 };
  const late = { prompt, round, choose: 'abort', reason: 'no', by: GRACE, proof: 'named' as const, from: 'test' };
  run.happens({ type: 'prompt-answered', answer: late });
  expect(run.state.abort).toBeNull();
  expect(run.state.prompts.at(-1)?.answers.at(-1)?.refused).toBe('Ada has already answered: retry.');
});

it('takes a refused rollback, and a sign-off withheld, for rejections too', () => {
  const back = new Night().untilStep('count').happens({ type: 'requested', request: 'roll-back', by: ADA });
  back.does(back.next).says(GRACE, 'approve').says(BARBARA, 'refuse', 'it is only slow');
  expect(back.does(back.next).state.rollback).toBeNull();

  const signed = new Night().until((action) => action.do === 'wait-for-person');
  signed.says(GRACE, 'sign').says(BARBARA, 'refuse', 'I have not seen it');
  signed.does(signed.next);
  expect(choiceOf(signed.state, 'approve')).toBe('refuse');
  expect(signed.next).toMatchObject({ do: 'finish', outcome: 'aborted' });
});

it('leaves what was answered to a question that is withdrawn without effect', () => {
  const run = failed().says(ADA, 'retry').happens({ type: 'requested', request: 'roll-back', by: GRACE });
  expect(run.state.prompts.at(-1)?.answers.map(({ refused }) => refused)).toEqual([
    'The question was withdrawn before anything was done about it.',
  ]);
});

it('refuses a role that is none, also one by whose name something is found in every object', () => {
  const run = failed();
  for (const role of ['nobody', 'constructor', '__proto__']) run.says({ name: 'Mallory', role }, 'retry');
  expect(run.state.prompts.at(-1)?.answers.map(({ refused }) => refused)).toEqual([
    'nobody is no role of this runbook.',
    'constructor is no role of this runbook.',
    '__proto__ is no role of this runbook.',
  ]);
});
