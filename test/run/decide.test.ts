import { describe, expect, it } from 'vitest';
import { rollbackPrompt } from '../../src/run/answering/approval-prompts.ts';
import { doubtPrompt, failureOptions } from '../../src/run/answering/failure-prompts.ts';
import type { Action } from '../../src/run/decide.ts';
import { stepState } from '../../src/run/state.ts';
import { nothingToCompare } from '../../src/run/undo.ts';
import { runbookOf, stateOf, stepOf as stepIn } from '../steps/acting.ts';
import { ADA, BARBARA, GRACE } from './archive.ts';
import { Night, night } from './night.ts';

/** What an action is, in a word or two. */
function brief(action: Action): string {
  if ('step' in action) return `${action.do} ${action.step.id}`;
  return action.do === 'ask' ? `ask ${action.prompt.id}` : action.do;
}

/** What is next, and next, everything succeeding, to the end. */
function rest(run: Night): string[] {
  const seen: string[] = [];
  run.until((action) => {
    if (action.do !== 'wait-for-person') seen.push(brief(action));
    return action.do === 'leave';
  });
  return seen;
}

const asked = (run: Night) => run.next.do === 'ask' && run.next.prompt;

describe('what comes next', () => {
  it('is the runbook, top to bottom, each part at its time', () => {
    expect(rest(new Night())).toEqual([
      'wait-for-time',
      'perform approve',
      'ask approve',
      'wait-for-time',
      'begin-window',
      'perform table',
      'perform orphans',
      'ask orphans',
      'skip sweep',
      'perform copy',
      'skip again',
      'perform count',
      'finish',
      'leave',
    ]);
  });

  it('waits for 48 hours before, then for the opening, unless somebody begins early', () => {
    const run = new Night();
    expect(run.next).toMatchObject({ do: 'wait-for-time', until: night.opens - 48 * 3_600_000 });
    run.until((action) => action.do === 'wait-for-time' && action.until === night.opens);
    run.happens({ type: 'requested', request: 'begin-early', by: ADA });
    expect(run.next).toEqual({ do: 'begin-window' });
  });

  it('does the step that a decision asked for, and leaves out what it did not', () => {
    const run = new Night().untilStep('orphans').does({ do: 'perform', step: stepOf('orphans'), attempt: 1 });
    run.does(run.next).answers(ADA, 'drop', 'they are nobody’s');
    expect(brief(run.next)).toBe('perform sweep');
  });

  it('is not to accept a failure that nobody may accept', () => {
    const options = [
      { choose: 'retry', says: 'Again.', effect: 'retry' },
      { choose: 'accept', says: 'Go on.', effect: 'accept', reason: true },
    ];
    const step = stepIn('check', { command: ['true'], on_failure: options });
    const chosen = (hard: boolean) => failureOptions(step, 'window', true, hard).map(({ choose }) => choose);
    expect(chosen(false)).toEqual(['retry', 'accept']);
    expect(chosen(true)).toEqual(['retry', 'roll-back', 'abort']);
  });

  it('is nothing while a question is open, the run is paused, or somebody wants it to stop', () => {
    const run = new Night().until((action) => action.do === 'wait-for-person');
    expect(run.next).toMatchObject({ do: 'wait-for-person' });
    run.agrees().happens({ type: 'requested', request: 'pause', by: ADA });
    expect(run.next).toMatchObject({ do: 'wait-for-person', why: expect.stringMatching(/paused/) });
    run.happens({ type: 'requested', request: 'resume', by: ADA });
    expect(run.next.do).toBe('wait-for-time');
    run.happens({ type: 'requested', request: 'stop', by: ADA });
    expect(run.next.do).toBe('leave');
    expect(run.starts().next.do).toBe('wait-for-time');
  });
});

describe('after a failure', () => {
  const failed = () => {
    const run = new Night().untilStep('copy');
    return run.does(run.next, 'badly');
  };

  it('asks, with the error in the evidence, and again after each further failure', () => {
    const run = failed();
    expect(asked(run)).toMatchObject({ id: 'copy.failed', round: 1, evidence: [{ text: 'deadlock detected' }] });
    run.does(run.next).answers(ADA, 'retry');
    expect(run.next).toMatchObject({ do: 'perform', attempt: 2 });
    run.does(run.next, 'badly');
    expect(asked(run)).toMatchObject({ id: 'copy.failed', round: 2 });
  });

  it('does what the choice is for before it tries again, once', () => {
    const run = new Night().untilStep('count').does({ do: 'perform', step: stepOf('count'), attempt: 1 }, 'badly');
    run.does(run.next).answers(ADA, 'retry');
    expect(brief(run.next)).toBe('perform count');
    run.does(run.next, 'badly').does(run.next).answers(ADA, 'copy');
    expect(brief(run.next)).toBe('perform again');
    run.does(run.next);
    expect(brief(run.next)).toBe('perform count');
    run.does(run.next, 'badly').does(run.next).answers(ADA, 'copy');
    expect(brief(run.next)).toBe('perform count');
  });

  it('ends the run where it stands when somebody aborts', () => {
    const run = failed();
    run.does(run.next).answers(ADA, 'abort', 'no time left');
    expect(run.next).toEqual({ do: 'finish', outcome: 'aborted', why: 'no time left' });
  });

  it('goes back by the undos of what was begun, last first, once a second person has approved it', () => {
    const run = failed();
    run.does(run.next).answers(ADA, 'roll-back', 'too slow');
    expect(asked(run)).toMatchObject({ id: 'rollback', who: ['lead'] });
    run.does(run.next).answers(GRACE, 'approve');
    expect(rest(run)).toEqual(['begin-rollback', 'undo copy', 'undo table', 'perform as-before', 'finish', 'leave']);
    expect(run.state.outcome).toMatchObject({ outcome: 'rolled-back', why: 'too slow' });
  });

  it('does not take the approval of whoever wanted the rollback, nor of another role', () => {
    const run = failed();
    run.does(run.next).answers(GRACE, 'roll-back', 'too slow');
    run.does(run.next).answers(GRACE, 'approve').answers(ADA, 'approve');
    expect(run.next.do).toBe('wait-for-person');
    expect(run.state.prompts.at(-1)?.answers.map((each) => each.refused)).toEqual([
      expect.stringMatching(/second person/),
      expect.stringMatching(/lead to answer, not for dev/),
    ]);
    expect(run.answers(BARBARA, 'approve').next.do).toBe('begin-rollback');
  });

  it('returns to where it stood when the rollback is refused', () => {
    const run = failed();
    run.does(run.next).answers(ADA, 'roll-back', 'too slow');
    run.does(run.next).answers(GRACE, 'refuse', 'it is nearly over');
    expect(asked(run)).toMatchObject({ id: 'copy.failed', round: 2 });
  });

  it('takes the approval of anyone else when the only approver is who asks', () => {
    const run = new Night({ dev: ['Ada'], lead: ['Grace'] });
    run.happens({ type: 'requested', request: 'roll-back', by: GRACE, reason: 'enough' });
    run.does(run.next).answers(GRACE, 'approve');
    expect(run.next.do).toBe('wait-for-person');
    expect(run.answers(ADA, 'approve').next.do).toBe('begin-rollback');
  });

  it('of an undo, asks; done by hand counts as undone', () => {
    const run = failed();
    run.does(run.next).answers(ADA, 'roll-back', 'too slow');
    run.does(run.next).answers(GRACE, 'approve').does(run.next);
    run.does(run.next, 'badly');
    expect(asked(run)).toMatchObject({
      id: 'copy.undo-failed',
      evidence: [{ text: 'deadlock detected' }, { text: '1. Restore the backup by hand.' }],
      options: [{ choose: 'retry' }, { choose: 'by-hand' }, { choose: 'abort' }],
    });
    run.does(run.next).answers(ADA, 'by-hand', 'emptied in psql');
    expect(brief(run.next)).toBe('undo table');
    expect(stepState(run.state, 'copy')).toMatchObject({ status: 'undone', reason: 'emptied in psql' });
  });
});

describe('a rollback that somebody asks for', () => {
  const wanted = { type: 'requested', request: 'roll-back', by: ADA, reason: 'enough' } as const;
  const back = (run: Night) => {
    expect(asked(run)).toMatchObject({ id: 'rollback' });
    return rest(run.does(run.next).answers(GRACE, 'approve'));
  };

  it('takes the place of the question that is open, and of a pause', () => {
    const run = new Night().until((action) => action.do === 'wait-for-person').happens(wanted);
    expect(back(run)).toEqual(['begin-rollback', 'perform as-before', 'finish', 'leave']);
    const paused = new Night().untilStep('copy').happens({ type: 'requested', request: 'pause', by: ADA }, wanted);
    expect(back(paused)).toEqual(['begin-rollback', 'undo table', 'perform as-before', 'finish', 'leave']);
  });

  it('takes back a run that was aborted, but none that is done or back already', () => {
    const run = new Night().untilStep('copy');
    run.does(run.next, 'badly').does(run.next).answers(ADA, 'abort', 'no time left');
    expect(rest(run)).toEqual(['finish', 'leave']);
    run.happens(wanted);
    expect(back(run)).toEqual(['begin-rollback', 'undo copy', 'undo table', 'perform as-before', 'finish', 'leave']);
    expect(run.happens(wanted).next.do).toBe('leave');
    expect(new Night().until((action) => action.do === 'leave').happens(wanted).next.do).toBe('leave');
  });

  it('says which commands have been run that no undo takes back', () => {
    const step = (id: string) => ({ id, title: id, kind: 'command', run: ['true'] });
    const steps = [step('drain'), step('swap'), { ...step('fill'), undo: { files: ['b.sql'] } }, step('later')];
    const timeline = [{ id: 'all', title: 'All', at: '02:00', owner: 'ops', steps }];
    const begun = { attempt: 1, status: 'done' } as const;
    const state = stateOf({ drain: begun, swap: begun, fill: begun }, { people: {}, operators: [] });
    const rows = rollbackPrompt(runbookOf({ timeline }), state).evidence.map((each) => 'rows' in each && each.rows);
    expect(rows).toEqual([
      [['fill', 'command']],
      [
        ['swap', 'command'],
        ['drain', 'command'],
      ],
    ]);
  });

  it('does not compare with what nobody had looked at yet, unless something had been done', () => {
    const checks = [
      { id: 'catalog', title: 'Schema', kind: 'check', catalog: 'compare' },
      { id: 'rows', title: 'Rows', kind: 'check', rows: 'compare' },
    ];
    const runbook = runbookOf({
      timeline: [
        {
          id: 'all',
          title: 'All',
          at: '02:00',
          owner: 'ops',
          steps: [
            { id: 'before', title: 'Before', kind: 'check', catalog: 'remember' },
            { id: 'make', title: 'Make', kind: 'sql', files: ['a.sql'], undo: { files: ['b.sql'] } },
          ],
        },
      ],
      rollback: { approver: 'ops', steps: checks },
    });
    const [catalog, rows] = runbook.activities.at(-1)?.steps ?? [];
    if (!catalog || !rows) throw new Error('no steps');
    const vain = (state: ReturnType<typeof stateOf>) =>
      [catalog, rows].map((step) => nothingToCompare(runbook, state, step));
    expect(vain(stateOf({}))).toEqual([true, true]);
    expect(vain(stateOf({ before: { attempt: 1, status: 'done' } }))).toEqual([false, true]);
    expect(vain(stateOf({ make: { attempt: 1, status: 'undone' } }))).toEqual([false, false]);
  });
});

describe('after a crash', () => {
  const killed = () => {
    const run = new Night().untilStep('copy');
    return run.does(run.next, 'unseen').starts();
  };

  it('finds out whether the step happened before anything else', () => {
    expect(brief(killed().next)).toBe('verify copy');
    const run = killed();
    expect(brief(run.does(run.next, 'well').next)).toBe('skip again');
    const again = killed();
    expect(again.does(again.next, 'badly').next).toMatchObject({ do: 'perform', attempt: 2, step: { id: 'copy' } });
  });

  it('looks again, where somebody says so who was asked', () => {
    const run = killed();
    const prompt = { ...doubtPrompt(night, run.state, stepOf('copy'), 'It cannot be told.'), round: 1 };
    run.happens({ type: 'prompt-opened', prompt }).answers(ADA, 'look-again');
    expect(brief(run.next)).toBe('verify copy');
  });

  it('in mid-undo, undoes again', () => {
    const run = killed();
    run.happens({ type: 'requested', request: 'roll-back', by: ADA, reason: 'enough' });
    run.until((action) => action.do === 'undo').does(run.next, 'unseen');
    expect(brief(run.starts().next)).toBe('undo copy');
  });
});

function stepOf(id: string) {
  const step = night.activities.flatMap((activity) => activity.steps).find((each) => each.id === id);
  if (!step) throw new Error(id);
  return step;
}

describe('a database that may have lost something', () => {
  const target = { system: '1', database: 'd', role: 'r', version: '17', timeline: 1, where: 'w', marker: 'm' };

  it('is asked about before anything is done there; who goes on with it has the lost step done again', () => {
    const run = new Night().happens({ type: 'target-bound', target }).untilStep('copy');
    const promoted = { ...target, timeline: 2 };
    run.happens({ type: 'step-begun', step: 'copy', attempt: 1 });
    run.happens({ type: 'target-doubted', target: promoted, why: 'timeline 2', lost: ['table'] });
    expect(stepState(run.state, 'copy').status).toBe('in-doubt');
    expect(asked(run)).toMatchObject({ id: 'target', kind: 'target' });
    run.does(run.next).answers(GRACE, 'go-on', 'the old primary is gone');
    expect([run.state.target, run.state.targetDoubt]).toEqual([promoted, null]);
    expect(brief(run.next)).toBe('perform table');
  });
});
