import { findStep, type Runbook } from '../runbook/plan.ts';
import type { SourceFile, Sources } from '../runbook/schema.ts';
import { reopenRunbook } from '../runbook/sources.ts';
import { unifiedDiff } from '../runbook/unified-diff.ts';
import { type RunState, stepState } from './state.ts';

/** The runbook as the run works from it: as it was opened, with the changes approved since. @throws RunbookInvalid */
export function runbookOf({ sources, opens, settings }: Pick<RunState, 'sources' | 'opens' | 'settings'>): Runbook {
  return reopenRunbook(sources, { opens, settings });
}

/** What differs between two versions of a runbook and its files, as one unified diff; empty when nothing does. */
export function sourcesDiff(before: Sources, after: Sources): string {
  const diff = (name: string, old: SourceFile | undefined, now: SourceFile | undefined) =>
    unifiedDiff(old?.text ?? '', now?.text ?? '', {
      before: old ? `a/${name}` : '/dev/null',
      after: now ? `b/${name}` : '/dev/null',
    });
  const names = new Set([...Object.keys(before.files), ...Object.keys(after.files)]);
  const yaml = after.yaml.path.split('/').at(-1) ?? 'runbook.yaml';
  return [
    diff(yaml, before.yaml, after.yaml),
    ...[...names].sort().map((name) => diff(name, before.files[name], after.files[name])),
  ].join('');
}

/** Why a run cannot go on with another version of its runbook: steps that have begun must be there, in their order. */
export function changeTroubles(before: Runbook, after: Runbook, state: RunState): string[] {
  const begun = (runbook: Runbook) =>
    runbook.activities.flatMap(({ steps }) => steps).filter(({ id }) => stepState(state, id).status !== 'pending');
  const [olds, news] = [begun(before), begun(after)];
  const troubles = olds.flatMap(({ id, title, kind }) => {
    const now = findStep(after, id)?.step;
    if (now === undefined) return [`“${title}” (${id}) is gone, and has already begun or been done`];
    return now.kind === kind ? [] : [`“${title}” (${id}) was a ${kind} step and is now a ${now.kind} step`];
  });
  const order = (steps: typeof olds) => steps.map(({ id }) => id).join('\n');
  if (troubles.length > 0 || order(olds) === order(news)) return troubles;
  const moved = olds.find(({ id }, i) => news[i]?.id !== id);
  return [`steps that have begun are in another order, from “${moved?.title}” (${moved?.id}) on`];
}
