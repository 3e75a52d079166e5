import { findStep } from '../runbook/plan.ts';
import { filesOf } from '../runbook/psql-script.ts';
import { MissingVariable, render } from '../runbook/sql-file.ts';
import type { StepFile, Use } from '../runbook/step-files.ts';
import { focusStep } from './activities.ts';
import type { Followed } from './followed.ts';
import { inertLines } from './inert.ts';
import { BLANK, type Line, line, paragraph, span } from './lines.ts';

const USE: Record<Use, string> = {
  work: 'runs',
  look: 'looks',
  'as-people': 'as each of those people, whose row fills in its variables',
  undo: 'undoes',
};

/** The text of a file with its variables filled in, as far as they are known before it runs. */
function filledIn(text: string, { use, vars }: StepFile): string {
  if (use === 'as-people') return text;
  try {
    return render(text, vars);
  } catch (error) {
    if (error instanceof MissingVariable) return text;
    throw error;
  }
}

/** The SQL of the step at work, or of the next one: each file as it is run, for each table it is run for. */
export function sqlLines({ runbook, state }: Followed, cells: number): Line[] {
  const id = focusStep(runbook, state);
  const step = id === null ? undefined : findStep(runbook, id)?.step;
  if (!step) return [line('No step is at work.', 'quiet')];
  const files = filesOf(runbook, step);
  if (files.length === 0) return paragraph(`${step.title} runs no SQL of the runbook's.`, cells, 'quiet');
  const batch = step.kind === 'backfill' ? 'Where a batch begins and ends, the whole table stands here.' : '';
  return [
    ...paragraph(step.title, cells, 'strong'),
    ...(batch === '' ? [] : paragraph(batch, cells, 'quiet')),
    ...files.flatMap((file) => {
      const source = runbook.sources.files[file.file];
      const hash = source ? `, SHA-256 ${source.hash.slice(0, 12)}` : '';
      return [
        BLANK,
        ...paragraph(`(${USE[file.use]}${hash})`, cells, 'quiet', [
          span(`${file.file} `, 'key'),
          ...(file.of === undefined ? [] : [span(`for ${file.of} `, 'strong')]),
        ]),
        ...inertLines(filledIn(source?.text ?? '', file)).flatMap((text) => paragraph(text, cells)),
      ];
    }),
  ];
}
