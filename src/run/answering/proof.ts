import { NAMESPACE, type SignerKey, signerKey } from '../../runbook/signer-keys.ts';
import type { Answer, Person, Proof } from '../events.ts';
import type { PromptState, RunState } from '../state.ts';
import { askedBy } from './answers.ts';
import { fingerprint, NoSignature, readSignature, type SshSignature, signs } from './ssh-signature.ts';
import { bindingOf, statementText } from './statement.ts';

const moment = (at: number): string => `${new Date(at).toISOString().slice(0, 16)}Z`;

/** Something that is to be signed by a person, with one of the keys the runbook knows them by. */
export interface Signing {
  statement: string;
  by: Person;
  keys: readonly SignerKey[];
}

/** How each proof is called, wherever an answer is shown. */
export const PROOF_WORDS: Record<Proof, string> = {
  signed: 'signed with an SSH key',
  named: 'named at a keyboard, not signed',
  rehearsal: 'given by the rehearsal',
};

/** The keys the runbook knows of a person. */
export function keysOf(state: RunState, name: string): SignerKey[] {
  const keys = Object.hasOwn(state.signers, name) ? state.signers[name] : undefined;
  return (keys ?? []).map(signerKey);
}

/** Whether an answer to this question counts only when it is signed; in a rehearsal nobody has to. */
export function mustSign(state: RunState, { prompt }: Pick<PromptState, 'prompt'>): boolean {
  return prompt.signed === true && !state.rehearsal;
}

/** Why an answer that nobody has signed yet would not count so; null when it would. */
export function unsigned(state: RunState, answer: Answer): string | null {
  const asked = askedBy(state, answer);
  if (asked === undefined || !mustSign(state, asked)) return null;
  const unknown = keysOf(state, answer.by.name).length === 0 ? ` The runbook lists no key of ${answer.by.name}.` : '';
  return `This counts only with an SSH signature; a name alone does not do.${unknown}`;
}

/** Why a key does not count for this person at that moment; null when it does. */
function keyRefusal(state: RunState, name: string, { key }: SshSignature, at: number): string | null {
  const print = fingerprint(key);
  const mine = keysOf(state, name);
  const found = mine.find(({ blob }) => blob === key);
  if (found === undefined) {
    const [other] = Object.entries(state.signers).find(([, lines]) => lines.some((line) => line.includes(key))) ?? [];
    const whose = other === undefined ? 'a key that this runbook does not list' : `the key of ${other}`;
    const listed = mine.map(({ blob }) => fingerprint(blob)).join(', ');
    return `The signature was made with ${whose} (${print}); of ${name} it lists ${listed || 'none'}.`;
  }
  const { validAfter, validBefore } = found;
  if (validAfter !== null && at < validAfter)
    return `The key ${print} of ${name} counts from ${moment(validAfter)} on.`;
  if (validBefore !== null && at >= validBefore) {
    return `The key ${print} of ${name} counted until ${moment(validBefore)}; it has expired. Sign with another.`;
  }
  return null;
}

/**
 * Why the proof of an answer does not suffice, in words for the person who gave it; null when it does. The one judge of
 * signatures, for terminals, conductor and whoever reads the journal later.
 * @param at when the answer was given, on the plan clock in ms since the epoch
 */
export function proofRefusal(state: RunState, asked: PromptState, answer: Answer, at: number): string | null {
  const { by, proof, signature, binds } = answer;
  if (binds !== undefined && binds !== bindingOf(state, asked, answer)) {
    return 'This answer belongs to another question, run or version of the runbook than the one that is asked here.';
  }
  if (proof === 'rehearsal' && !state.rehearsal) return 'An answer of a rehearsal does not count in a run.';
  if (proof !== 'signed') return unsigned(state, answer);
  let read: SshSignature;
  try {
    read = readSignature(signature ?? '');
  } catch (error) {
    if (error instanceof NoSignature) return error.message;
    throw error;
  }
  if (read.namespace !== NAMESPACE) {
    return `The signature was made for “${read.namespace}”; make it with ssh-keygen -Y sign -n ${NAMESPACE}.`;
  }
  const wrong = keyRefusal(state, by.name, read, at);
  if (wrong !== null) return wrong;
  if (signs(read, statementText(state, asked, answer))) return null;
  return 'The signature is of another text: of another run, question, round or answer, or the text was changed. Sign what is asked here.';
}
