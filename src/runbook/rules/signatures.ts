import type { Step } from '../step-schema.ts';
import type { Rule } from './rule.ts';

/** Who signs a step, when its answer is signed whatever the role says; undefined for a step that asks for no signature. */
function signers(step: Step, all: boolean): { who: string[]; always: boolean } | undefined {
  if (step.kind === 'signoff') return { who: [step.role], always: all || step.signatures === 'required' };
  if (step.kind === 'decision' && step.signatures === 'required') return { who: step.who, always: true };
  return undefined;
}

/** A key belongs to one person, and where a signature is asked for there is a key to make it with. */
export const keyed: Rule = ({ roles, steps, rollback, signatures }, report) => {
  const owners = new Map<string, string>();
  for (const { path, value } of roles) {
    for (const [i, { name, keys = [] }] of value.people.entries()) {
      for (const [j, key] of keys.entries()) {
        const blob = /(AAAA\S+)/.exec(key)?.[1] ?? key;
        const owner = owners.get(blob);
        if (owner !== undefined && owner !== name)
          report([...path, 'people', i, 'keys', j], `this is also the key of ${owner}; a key tells who signed`);
        owners.set(blob, name);
      }
    }
  }
  const must = (path: (string | number)[], who: string[], always: boolean) => {
    const asked = roles.filter(({ name }) => who.length === 0 || who.includes(name));
    const signed = asked.filter(({ value }) => always || value.signatures === 'required');
    const people = signed.flatMap(({ value }) => value.people);
    if (people.length === 0 || people.some(({ keys }) => keys !== undefined)) return;
    report(
      path,
      `this is to be signed, and the runbook has no key of ${people.map(({ name }) => name).join(' or ')}; give them keys, such as those of ~/.ssh/*.pub`,
    );
  };
  if (rollback) must(['rollback', 'approver'], [rollback.value.approver], signatures);
  for (const { path, value } of steps) {
    const signing = signers(value, signatures);
    if (signing) must([...path, value.kind === 'signoff' ? 'role' : 'signatures'], signing.who, signing.always);
  }
};
