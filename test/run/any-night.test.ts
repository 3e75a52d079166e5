import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fold, foldAll } from '../../src/run/fold/fold.ts';
import { type RunState, stepState } from '../../src/run/state.ts';
import { undosDue } from '../../src/run/undo.ts';
import { ADA, BARBARA, GRACE } from './archive.ts';
import { Night, night } from './night.ts';

const PEOPLE = [ADA, GRACE, BARBARA];
const OVER = ['done', 'accepted', 'skipped'];
const ORDER = night.activities.flatMap((activity) => activity.steps.map((step) => step.id));

/** What may go wrong, or be wanted, between two looks at what is next. */
const incident = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ what: 'well' as const }) },
  { weight: 2, arbitrary: fc.constant({ what: 'badly' as const }) },
  { weight: 2, arbitrary: fc.constant({ what: 'crash' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constant('answer' as const), who: fc.nat(2), option: fc.nat(4) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('request' as const),
      who: fc.nat(2),
      request: fc.constantFrom('roll-back' as const, 'pause' as const, 'resume' as const, 'begin-early' as const),
    }),
  },
);

/** What must hold of the very next action, whatever came before. */
function holds(run: Night): void {
  const { next, state } = run;
  const openQuestion = state.prompts.some((each) => each.settled === null && each.closedAt === null);
  if (next.do === 'perform') {
    const { status, attempt } = stepState(state, next.step.id);
    expect([...OVER, 'running']).not.toContain(status);
    expect(next.attempt).toBe(attempt + 1);
    expect(openQuestion || state.paused).toBe(false);
  }
  if (next.do === 'undo') {
    const approval = state.prompts.findLast((each) => each.prompt.kind === 'rollback')?.settled;
    expect(approval).toMatchObject({ choose: 'approve', by: { role: 'lead' } });
    expect(approval?.by.name).not.toBe(state.rollback?.by?.name);
    const later = ORDER.slice(ORDER.indexOf(next.step.id) + 1);
    expect(undosDue(night, state).filter((step) => later.includes(step.id))).toEqual([]);
  }
  if (next.do === 'finish' && next.outcome === 'rolled-back') expect(undosDue(night, state)).toEqual([]);
}

function befalls(run: Night, incident: { what: string; who?: number; option?: number; request?: string }): void {
  const { next } = run;
  const by = PEOPLE[incident.who ?? 0] ?? ADA;
  switch (incident.what) {
    case 'crash':
      if (next.do === 'perform' || next.do === 'undo') run.does(next, 'unseen');
      run.starts();
      return;
    case 'answer': {
      const open = run.state.prompts.findLast((each) => each.settled === null && each.closedAt === null);
      const options = open?.prompt.options ?? [];
      if (open) run.says(by, options[(incident.option ?? 0) % options.length]?.choose ?? '', 'because');
      return;
    }
    case 'request':
      run.happens({ type: 'requested', request: incident.request as 'pause', by, reason: 'because' });
      return;
    default:
      run.does(next, incident.what === 'badly' ? 'badly' : 'well');
  }
}

it('whatever befalls a run: nothing finished is done again, nothing is undone unapproved, and it can be ended', () => {
  const outcomes = new Set<string>();
  fc.assert(
    fc.property(fc.array(incident, { maxLength: 60 }), (incidents) => {
      const run = new Night();
      for (const each of incidents) {
        holds(run);
        befalls(run, each);
      }
      // Once nothing more goes wrong and people agree, the run comes to its end.
      for (let i = 0; i < 100 && run.next.do !== 'leave'; i += 1) {
        holds(run);
        if (run.state.paused) run.happens({ type: 'requested', request: 'resume', by: ADA });
        else if (run.next.do === 'wait-for-person') run.answers(PEOPLE[i % 3] ?? ADA, agreeable(run), 'because');
        else run.does(run.next);
      }
      expect(run.state.outcome).not.toBeNull();
      outcomes.add(run.state.outcome?.outcome ?? '');
      const again = run.records.map((record) => JSON.parse(JSON.stringify(record)));
      expect(again.reduce<RunState | null>(fold, null)).toEqual(run.state);
      // Many records at once come to the same, and leave alone what others may hold.
      const half = foldAll(null, again.slice(0, again.length / 2));
      const kept = structuredClone(half);
      expect(foldAll(half, again.slice(again.length / 2))).toEqual(run.state);
      expect(half).toEqual(kept);
    }),
    { numRuns: 2_000 },
  );
  expect([...outcomes].sort()).toEqual(['aborted', 'done', 'rolled-back']);
});

/** The first way to answer the question that is open. */
function agreeable(run: Night): string {
  const open = run.state.prompts.findLast((each) => each.settled === null && each.closedAt === null);
  return open?.prompt.options[0]?.choose ?? '';
}
