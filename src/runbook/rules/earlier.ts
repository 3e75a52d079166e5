import { didYouMean } from '../nearest.ts';
import type { Part } from '../outline.ts';
import type { Step, StepKind, StepOf } from '../step-schema.ts';
import type { Path } from '../yaml-text.ts';
import type { Rule } from './rule.ts';

type Here = (at: Path, message: string) => void;
/** Finds the step of one of those kinds that came before, and says what is wrong when there is none. */
type Find = <K extends StepKind>(kinds: readonly K[], at: Path, id: string) => StepOf<K> | undefined;

/** What refers to an earlier step finds it there, of the right kind, with the choices or requests that are spoken of. */
export const earlier: Rule = ({ steps, names }, report) => {
  for (const [position, { path, value }] of steps.entries()) {
    const here: Here = (at, message) => report([...path, ...at], message);
    const find: Find = (kinds, at, id) => {
      const kind = kinds.join(' or ');
      const place = steps.findIndex((step) => step.value.id === id);
      const found = steps[place]?.value;
      const candidates = steps.filter((step) => isOf(kinds, step.value)).map((step) => step.value.id);
      if (found === undefined) {
        // A step that is itself malformed has its own problem already.
        if (!names.step.includes(id)) here(at, `there is no ${kind} step '${id}'${didYouMean(id, candidates)}`);
      } else if (!isOf(kinds, found)) {
        here(at, `'${id}' is a ${found.kind} step; a ${kind} is needed here${didYouMean(id, candidates)}`);
      } else if (place >= position) {
        const where = place === position ? 'is this step itself' : 'comes later in the timeline';
        here(at, `'${id}' ${where}; name one before this step`);
      } else {
        return found;
      }
      return undefined;
    };
    decided(value, find, later(steps.slice(position + 1)), here);
    measuredBefore(value, find, here);
    remembered(value, steps.slice(0, position), here);
  }
};

function isOf<K extends StepKind>(kinds: readonly K[], step: Step): step is StepOf<K> {
  return kinds.some((kind) => kind === step.kind);
}

/** What may be chosen after a failure that leads to another try, before which there is something to do. */
function retries({ on_failure = [] }: Step): string[] {
  return on_failure.filter(({ effect }) => effect === 'retry').map(({ choose }) => choose);
}

/** What can come of a decision, or of a sign-off that lets the run go on either way. */
function outcomes(step: Step): string[] {
  if (step.kind === 'decision') return step.options.map(({ choose }) => choose);
  if (step.kind !== 'signoff' || step.proposal === undefined) return ['sign'];
  return step.proposal === 'validation' ? ['pass', 'fail'] : ['yes', 'no'];
}

/** Finds, among the steps that follow, the one of this id whose failure lets one choose. */
const later = (steps: Part<Step>[]) => (id: string) =>
  steps.map(({ value }) => value).find((step) => step.id === id && step.on_failure !== undefined);

function decided(step: Step, find: Find, failing: (id: string) => Step | undefined, here: Here): void {
  const { when } = step;
  const failed = when && failing(when.decision);
  const decision = failed ?? (when && find(['decision', 'signoff'], ['when', 'decision'], when.decision));
  if (when && decision) {
    if (decision.for_each !== undefined) {
      here(
        ['when', 'decision'],
        `'${decision.id}' is asked once for each of '${decision.for_each}'; it has no one answer`,
      );
    }
    const choices = failed ? retries(failed) : outcomes(decision);
    for (const [i, choice] of when.chose.entries()) {
      if (choices.includes(choice)) continue;
      const advice = didYouMean(choice, choices) || `; it offers ${choices.join(', ')}`;
      here(['when', 'chose', i], `'${decision.id}' does not offer '${choice}'${advice}`);
    }
  }
  if (step.kind !== 'policies') return;
  if (step.access) find(['decision'], ['access', 'ends'], step.access.ends);
  if (step.unexpected === undefined) return;
  const settles = find(['decision'], ['unexpected'], step.unexpected);
  const offered = settles?.options.map(({ choose }) => choose) ?? [];
  if (settles && !['drop', 'keep', 'keep-within'].some((choose) => offered.includes(choose))) {
    here(['unexpected'], `the decision '${settles.id}' offers neither 'drop' nor 'keep' nor 'keep-within'`);
  }
  if (step.within === undefined && offered.includes('keep-within')) {
    here(['unexpected'], `'${step.unexpected}' offers 'keep-within'; say within what: \`within\`, an SQL condition`);
  }
}

function measuredBefore(step: Step, find: Find, here: Here): void {
  if (step.kind === 'measure' && step.against !== undefined) find(['measure'], ['against'], step.against);
  if (step.kind === 'http' && step.against !== undefined) {
    const baseline = find(['http'], ['against'], step.against);
    for (const [i, { id }] of step.requests.entries()) mustBeAsked(baseline, id, ['requests', i, 'id'], here);
  }
  if (step.kind !== 'monitor') return;
  for (const [i, { against, request }] of step.samples.entries()) {
    if (against === undefined) continue;
    const baseline = find(['http'], ['samples', i, 'against'], against);
    if (request) mustBeAsked(baseline, request.id, ['samples', i, 'request', 'id'], here);
  }
}

function mustBeAsked(baseline: StepOf<'http'> | undefined, request: string, at: Path, here: Here): void {
  const asked = baseline?.requests.map(({ id }) => id) ?? [];
  if (baseline && !asked.includes(request)) {
    here(at, `'${baseline.id}' has no request '${request}' to compare with${didYouMean(request, asked)}`);
  }
}

function remembered(step: Step, before: Part<Step>[], here: Here): void {
  if (step.kind !== 'check') return;
  const checks = before.map(({ value }) => value).filter((value) => isOf(['check'], value));
  if (step.catalog === 'compare' && !checks.some(({ catalog }) => catalog === 'remember')) {
    here(['catalog'], 'no earlier step remembers the catalog to compare with');
  }
  if (step.rows === 'compare' && !checks.some(({ rows, tables }) => rows === 'remember' && tables === step.tables)) {
    here(['rows'], `no earlier step remembers the rows of '${step.tables}' to compare with`);
  }
}
