import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { askedBy } from './answering/answers.ts';
import { peopleOf } from './answering/people.ts';
import { givesWord } from './answering/prompts.ts';
import { proofRefusal } from './answering/proof.ts';
import type { JournalRecord, People, Proof } from './events.ts';
import { foldAll } from './fold/fold.ts';
import { JournalBroken } from './journal/journal.ts';
import { runbookOf } from './pins.ts';
import type { RunState } from './state.ts';

/** What the sign-offs and approvals of a journal rest on. */
export interface Audit {
  /** Those that counted, by how strongly they are proved. */
  words: Record<Proof, number>;
  /** Signatures that are on record and hold, whether their answer counted or came second. */
  hold: number;
  /** Answers on record, never acted on, whose proof does not hold. */
  refused: { seq: number; name: string; prompt: string; why: string }[];
}

/** What is pinned is what its hashes say, and who may sign with which key is what the pinned runbook says. */
function checkPin(seq: number, state: Pick<RunState, 'sources' | 'opens' | 'settings'>, named: People): void {
  const { yaml, files } = state.sources;
  for (const { path, text, hash: pinned } of [yaml, ...Object.values(files)]) {
    if (hash('sha256', text) !== pinned)
      throw new JournalBroken(seq, `has a text of ${path} that is not the one of its hash`);
  }
  const { document } = runbookOf(state);
  const { people, signers, together, author } = peopleOf(document, document.approvals.author ?? named.author);
  const same = isDeepStrictEqual(
    [people, signers, together, author],
    [named.people, named.signers, named.together, named.author],
  );
  if (!same) throw new JournalBroken(seq, 'names other people or keys than the runbook that it pins');
}

/**
 * Judges every proof of a journal again, each by the runbook that was pinned at its time. The records are known to follow
 * from one another.
 * @throws JournalBroken naming the record that acts on an answer which does not count, or pins what is not so
 */
export function audit(records: readonly JournalRecord[]): Audit {
  const found: Audit = { words: { signed: 0, named: 0, rehearsal: 0 }, hold: 0, refused: [] };
  foldAll(null, records, (state, { seq, at, event }) => {
    switch (event.type) {
      case 'run-opened':
        return checkPin(seq, state, event);
      case 'change-proposed':
        return checkPin(seq, { ...state, sources: event.sources }, event);
      case 'prompt-answered': {
        const { answer } = event;
        const asked = askedBy(state, answer);
        const why = asked === undefined ? null : proofRefusal(state, asked, answer, at);
        if (why !== null) found.refused.push({ seq, name: answer.by.name, prompt: answer.prompt, why });
        else if (answer.proof === 'signed') found.hold += 1;
        return;
      }
      case 'prompt-settled': {
        const asked = askedBy(state, event);
        if (asked?.settled && givesWord(asked.prompt)) found.words[asked.settled.proof] += 1;
        // One that was withdrawn meanwhile is not acted on.
        if (!asked || asked.closedAt !== null) return;
        const given = asked.answers.at(-1);
        const why = given?.refused ?? 'there is none';
        throw new JournalBroken(seq, `acts on an answer to ${event.prompt} that does not count: ${why}`);
      }
    }
  });
  return found;
}
