import { describe, expect, it } from 'vitest';
import type { People, Person } from '../../src/run/events.ts';
import { stepState } from '../../src/run/state.ts';
import { ADA, archiveRunbook, BARBARA, GRACE } from './archive.ts';
import { Night } from './night.ts';

const PEOPLE = { dev: ['Ada'], lead: ['Grace', 'Barbara'], qa: ['Grace', 'Mina'] };
const MINA: Person = { name: 'Mina', role: 'qa' };
const GRACE_OF_QA: Person = { name: 'Grace', role: 'qa' };
const runbook = archiveRunbook({
  roles: `
roles:
  dev: { title: Developer, people: [{ name: Ada }] }
  lead: { title: Tech Lead, people: [{ name: Grace }, { name: Barbara }] }
  qa: { title: QA, people: [{ name: Grace }, { name: Mina }] }`,
  prepare: `
prepare:
  - id: before
    title: Before
    at: -48h
    owner: dev
    steps:
      - { id: tested, title: Tested, kind: signoff, role: qa, statement: It was tested }
      - { id: approve, title: Approval, kind: signoff, role: lead, statement: Approval granted, valid_for: 24h, not_by_author: true }`,
  rest: 'approvals: { one_person_may_fill: [[lead, qa]] }',
});
const signing = (more: Omit<People, 'people'> = {}) => new Night(PEOPLE, { runbook, ...more });
const isAsked = (run: Night, id: string) => run.next.do === 'ask' && run.next.prompt.id === id;

/** The run once this is asked. */
const asked = (run: Night, id: string) => {
  run.until((action) => action.do === 'ask' && action.prompt.id === id);
  return run.does(run.next);
};
const refusals = (run: Night) => run.state.prompts.at(-1)?.answers.map(({ refused }) => refused);

describe('a sign-off', () => {
  it('is not given in two roles by one person, unless the runbook lets these two be filled by one', () => {
    const two = asked(asked(signing(), 'tested').answers(GRACE_OF_QA, 'sign'), 'approve').answers(GRACE, 'sign');
    expect(refusals(two)).toEqual([
      expect.stringMatching(/^Grace has signed as qa; one person does not fill two roles/),
    ]);
    expect(stepState(two.answers(BARBARA, 'sign').state, 'approve').status).toBe('done');

    const together = { together: [['lead', 'qa']] };
    const one = asked(asked(signing(together), 'tested').answers(GRACE_OF_QA, 'sign'), 'approve');
    expect(refusals(one.answers(GRACE, 'sign'))).toEqual([null]);
  });

  it('is not given by the author of the last change, where the runbook says so; they may refuse it', () => {
    const run = asked(asked(signing({ author: 'Grace' }), 'tested').answers(MINA, 'sign'), 'approve');
    run.answers(GRACE, 'sign');
    expect(refusals(run)).toEqual([expect.stringMatching(/^Grace wrote the last change of this runbook/)]);
    expect(run.answers(GRACE, 'refuse', 'I have broken it').next).toMatchObject({ do: 'finish', outcome: 'aborted' });
  });

  it('that is older than it holds when the window opens is asked for again; one that is not, is not', () => {
    const run = asked(asked(signing(), 'tested').answers(MINA, 'sign'), 'approve').answers(GRACE, 'sign');
    const given = run.now;
    run.until((action) => action.do !== 'wait-for-time');
    expect(run.next).toMatchObject({
      do: 'lapse',
      step: { id: 'approve' },
      why: expect.stringMatching(/holds for 1d$/),
    });
    run.does(run.next);
    expect(run.state.prompts.map(({ superseded }) => superseded !== null)).toEqual([false, true]);
    asked(run, 'approve').answers(BARBARA, 'sign');
    expect(run.next.do).toBe('begin-window');
    expect(run.now - given).toBeGreaterThan(24 * 3_600_000);
  });

  it('of a runbook that is changed before the window no longer counts, and is asked for again; within it, not', () => {
    const { files } = runbook.sources;
    const yaml = { ...runbook.sources.yaml, hash: 'changed' };
    const change = { diff: '-old\n+new', by: ADA, reason: 'a typo', people: PEOPLE, sources: { yaml, files } };
    const changed = (run: Night) => {
      run.happens({ type: 'change-proposed', ...change });
      return asked(run, 'changed-runbook').answers(BARBARA, 'approve').state;
    };
    const early = changed(asked(signing(), 'tested').answers(MINA, 'sign'));
    expect(early.prompts[0]?.superseded).toBe('the runbook was changed after it');
    expect(stepState(early, 'tested').status).toBe('pending');
    const late = changed(
      asked(signing(), 'tested')
        .answers(MINA, 'sign')
        .until((action) => action.do === 'perform' && action.step.id === 'table'),
    );
    expect(late.prompts[0]?.superseded).toBe('the runbook was changed after it');
    expect(stepState(late, 'tested').status).toBe('done');
  });
});

describe('the second person', () => {
  const wanted = { type: 'requested', request: 'roll-back', by: BARBARA, reason: 'enough' } as const;

  it('is nobody who has operated the run, be it only since the question was asked', () => {
    const run = asked(signing().happens(wanted), 'rollback');
    run.says(GRACE, 'approve').starts(GRACE);
    expect(run.state.prompts.at(-1)?.closedAt).not.toBeNull();
    expect(isAsked(run, 'rollback')).toBe(true);
    run.does(run.next).answers(GRACE, 'approve').answers(ADA, 'approve');
    expect(refusals(run)).toEqual([
      expect.stringMatching(/^Grace has operated this run; a second person approves it/),
      expect.stringMatching(/^Ada has operated this run/),
    ]);
    expect(run.answers(MINA, 'approve').next.do).toBe('begin-rollback');
  });

  it('is an operator only where the runbook names nobody else, and never who asked', () => {
    const run = new Night({ dev: ['Ada'], lead: ['Barbara'] }).happens(wanted);
    run.does(run.next).answers(BARBARA, 'approve');
    expect(refusals(run)).toEqual([expect.stringMatching(/^Barbara asked for this/)]);
    expect(run.answers(ADA, 'approve').next.do).toBe('begin-rollback');
  });
});
