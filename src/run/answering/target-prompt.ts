import { findStep, type Runbook } from '../../runbook/plan.ts';
import type { Evidence } from '../events.ts';
import type { RunState } from '../state.ts';
import type { TargetDoubt } from '../target.ts';
import type { Asked } from './prompts.ts';

/** The question whether to go on with a database that may have lost what was committed last. */
export function targetPrompt(runbook: Runbook, { target: bound }: RunState, doubt: TargetDoubt): Asked {
  const { target, why, lost } = doubt;
  const rows = (['where', 'system', 'timeline', 'version'] as const).map((key) => [
    key,
    String(bound?.[key] ?? ''),
    String(target[key]),
  ]);
  const missing: Evidence[] =
    lost.length === 0
      ? []
      : [
          {
            kind: 'rows',
            title: 'Committed according to the journal, and not in the ledger of this database',
            columns: ['step', 'title'],
            rows: lost.map((id) => [id, findStep(runbook, id)?.step.title ?? '']),
            more: 0,
          },
        ];
  return {
    id: 'target',
    kind: 'target',
    question: `The database is not as this run left it: ${why}. Do we go on with it?`,
    evidence: [
      { kind: 'rows', title: 'The database', columns: ['', 'of this run', 'answers now'], rows, more: 0 },
      ...missing,
    ],
    options: [
      {
        choose: 'go-on',
        effect: 'proceed',
        reason: true,
        says:
          lost.length === 0
            ? 'It has all that was committed, as far as its ledger tells: go on with it.'
            : 'Go on with it, and do again what it has lost.',
      },
      {
        choose: 'abort',
        effect: 'abort',
        reason: true,
        says: 'End the run here. Nothing is written to this database.',
      },
    ],
    who: [],
  };
}
