import { describe, expect, it } from 'vitest';
import { propose } from '../../src/run/answering/proposal.ts';
import type { StepStatus } from '../../src/run/state.ts';
import { runbookOf, stateOf } from '../steps/acting.ts';

const runbook = runbookOf({
  timeline: [
    {
      id: 'all',
      title: 'All',
      at: '02:00',
      owner: 'ops',
      steps: [
        { id: 'write', kind: 'sql', title: 'Write', files: ['a.sql'] },
        { id: 'check', kind: 'check', title: 'Check', sql: 'b.sql' },
        ...['completed', 'rollback-required', 'validation', 'production-ready'].map((proposal) => ({
          id: `say-${proposal}`,
          kind: 'signoff',
          title: proposal,
          role: 'ops',
          statement: proposal,
          proposal,
        })),
        { id: 'later', kind: 'check', title: 'Later', sql: 'c.sql' },
      ],
    },
  ],
});
const having = (write: StepStatus, check: StepStatus, over = {}) =>
  stateOf({ write: { status: write }, check: { status: check } }, over);
const all = (state: ReturnType<typeof stateOf>) =>
  (['completed', 'rollback-required', 'validation', 'production-ready'] as const).map((kind) =>
    propose(kind, runbook, state, `say-${kind}`),
  );

describe('what the run itself would answer', () => {
  it('goes by what came before, not by what is still to come', () => {
    expect(all(having('done', 'done'))).toEqual(['yes', 'no', 'pass', 'yes']);
  });

  it('does not take an accepted failure for a passed validation', () => {
    expect(all(having('done', 'accepted'))).toEqual(['yes', 'no', 'fail', 'no']);
  });

  it('is not completed while a step is open, and back is where a failure leads', () => {
    expect(all(having('done', 'pending'))).toEqual(['no', 'no', 'fail', 'no']);
    expect(all(having('done', 'failed'))).toEqual(['no', 'yes', 'fail', 'no']);
    expect(all(having('done', 'done', { rollback: { reason: 'slow' } }))).toEqual(['no', 'yes', 'pass', 'no']);
  });

  it('follows the word of a person on the validation, once it has been given', () => {
    const word = (choose: string) => ({
      prompts: [{ prompt: { id: 'say-validation', step: 'say-validation' }, settled: { choose } }],
    });
    expect(propose('production-ready', runbook, having('done', 'accepted', word('pass')), 'say-production-ready')).toBe(
      'yes',
    );
    expect(propose('production-ready', runbook, having('done', 'done', word('fail')), 'say-production-ready')).toBe(
      'no',
    );
  });
});
