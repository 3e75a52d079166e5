import { lockLines } from '../runbook/lock-lines.ts';
import { findStep } from '../runbook/plan.ts';
import { filesOf } from '../runbook/psql-script.ts';
import { MissingVariable, render } from '../runbook/sql-file.ts';
import type { StepFile, Use } from '../runbook/step-files.ts';
import { type StatementLocks, stepLocks } from '../runbook/step-locks.ts';
import { focusStep } from './activities.ts';
import type { Followed } from './followed.ts';
import { inert, inertLines } from './inert.ts';
import { BLANK, type Line, line, paragraph, span } from './lines.ts';

const USE: Record<Use, string> = {
  work: 'runs',
  look: 'looks',
  'as-people': 'as each of those people, whose row fills in its variables',
  export: 'its rows are kept before the undo',
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

const sameFile = (found: StatementLocks, { file, of, use }: StepFile): boolean =>
  found.file === file && found.of === of && found.undo === (use === 'undo');

/** The SQL of the step at work, or of the next one: each file as it is run, for each table it is run for, and what it locks. */
export function sqlLines({ runbook, state }: Followed, cells: number): Line[] {
  const id = focusStep(runbook, state);
  const step = id === null ? undefined : findStep(runbook, id)?.step;
  if (!step) return [line('No step is at work.', 'quiet')];
  const files = filesOf(runbook, step);
  const locks = stepLocks(runbook, step);
  const told = (found: StatementLocks[]) =>
    lockLines([found]).flatMap((text) => paragraph(inert(text), cells, 'quiet', [span('locks ', 'key')]));
  const own = told(locks.filter(({ file }) => file === undefined));
  if (files.length === 0) return [...paragraph(`${step.title} runs no SQL of the runbook's.`, cells, 'quiet'), ...own];
  const batch = step.kind === 'backfill' ? 'Where a batch begins and ends, the whole table stands here.' : '';
  return [
    ...paragraph(step.title, cells, 'strong'),
    ...(batch === '' ? [] : paragraph(batch, cells, 'quiet')),
    ...own,
    ...files.flatMap((file) => {
      const source = runbook.sources.files[file.file];
      const hash = source ? `, SHA-256 ${source.hash.slice(0, 12)}` : '';
      return [
        BLANK,
        ...paragraph(`(${USE[file.use]}${hash})`, cells, 'quiet', [
          span(`${file.file} `, 'key'),
          ...(file.of === undefined ? [] : [span(`for ${file.of} `, 'strong')]),
        ]),
        ...told(locks.filter((each) => sameFile(each, file))),
        ...inertLines(filledIn(source?.text ?? '', file)).flatMap((text) => paragraph(text, cells)),
      ];
    }),
  ];
}
