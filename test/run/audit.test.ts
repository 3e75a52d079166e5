import { expect, it } from 'vitest';
import { signWith } from '../../src/cli/sign.ts';
import { bound } from '../../src/run/answering/answers.ts';
import { statementText } from '../../src/run/answering/statement.ts';
import { audit } from '../../src/run/audit.ts';
import type { Answer, JournalRecord, RunEvent } from '../../src/run/events.ts';
import { chained, GENESIS, verified } from '../../src/run/journal/chain.ts';
import { ADA, archiveRunbook, GRACE } from './archive.ts';
import { Night } from './night.ts';
import { newKey } from './signing.ts';

/** A run to whose approval Grace's signature is on record, after Ada has given her word by name. */
async function signedRun(): Promise<{ run: Night; theirs: string }> {
  const [hers, another] = await Promise.all([newKey(), newKey()]);
  const runbook = archiveRunbook({
    roles: `
roles:
  dev: { title: Developer, people: [{ name: Ada }] }
  lead: { title: Tech Lead, people: [{ name: Grace, keys: ["${hers.line}"] }] }`,
    prepare: '',
    timeline: `
timeline:
  - id: before
    title: Before
    at: "02:00"
    owner: dev
    steps:
      - { id: ready, title: Ready, kind: signoff, role: dev, statement: I am ready }
      - { id: approve, title: Approval, kind: signoff, role: lead, statement: Approval granted, signatures: required }`,
  });
  const people = { dev: ['Ada'], lead: ['Grace'] };
  const run = new Night(people, { runbook, signers: { Grace: [hers.line] }, together: [] });
  const asking = (id: string) => {
    run.until((action) => action.do === 'ask' && action.prompt.id === id).does(run.next);
    return run.state.prompts.at(-1) ?? expect.fail('nothing is asked');
  };
  asking('ready');
  run.answers(ADA, 'sign');
  const asked = asking('approve');
  const answer: Answer = { prompt: 'approve', round: 1, choose: 'sign', by: GRACE, proof: 'named', from: 't' };
  const signature = await signWith(hers.file, statementText(run.state, asked, answer));
  // Somebody tries the signature on another answer first; that is refused, and on record.
  run.happens({ type: 'prompt-answered', answer: { ...answer, reason: 'forged', proof: 'signed', signature } });
  run.happens({ type: 'prompt-answered', answer: { ...bound(run.state, answer), proof: 'signed', signature } });
  return { run: run.does(run.next), theirs: another.line };
}

/** The records with another event in place of each that was changed, and hashes that fit. */
function rewritten(records: readonly JournalRecord[], change: (event: RunEvent) => RunEvent): JournalRecord[] {
  const stored: ReturnType<typeof chained>[] = [];
  for (const { at, event } of records) {
    stored.push(chained(stored.at(-1) ?? { seq: 0, hash: GENESIS }, at, change(event)));
  }
  return verified({ seq: 0, hash: GENESIS }, stored);
}

it('finds, by the keys that the runbook pins, what was rewritten together with every hash after it', async () => {
  const { run, theirs } = await signedRun();
  const { records } = run;
  const forged = {
    seq: expect.any(Number),
    name: 'Grace',
    prompt: 'approve',
    why: expect.stringMatching(/of another text/),
  };
  expect(audit(records)).toEqual({ words: { signed: 1, named: 1, rehearsal: 0 }, hold: 1, refused: [forged] });
  expect(audit(rewritten(records, (event) => event)).hold).toBe(1);

  const opening = (more: object) => (event: RunEvent) =>
    event.type === 'run-opened' ? ({ ...event, ...more } as RunEvent) : event;
  const answering = (more: Partial<Answer>) => (event: RunEvent) =>
    event.type === 'prompt-answered' && event.answer.binds !== undefined
      ? { ...event, answer: { ...event.answer, ...more } }
      : event;
  const { yaml, files } = run.state.sources;
  const changes: [(event: RunEvent) => RunEvent, RegExp][] = [
    [
      opening({ opens: run.state.opens + 1 }),
      /^Record \d+ .* acts on an answer to approve that does not count: This answer belongs/,
    ],
    [answering({ reason: 'I was asked to' }), /acts on an answer to approve that does not count/],
    [answering({ proof: 'named', signature: '' }), /does not count: This counts only with an SSH signature/],
    [
      opening({ signers: { Grace: [theirs] } }),
      /^Record 1 .* names other people or keys than the runbook that it pins/,
    ],
    [opening({ people: { dev: ['Ada'], lead: ['Grace', 'Mallory'] } }), /^Record 1 .* names other people/],
    [
      opening({ sources: { files, yaml: { ...yaml, text: `${yaml.text}# more` } } }),
      /^Record 1 .* not the one of its hash/,
    ],
  ];
  for (const [change, says] of changes) expect(() => audit(rewritten(records, change))).toThrow(says);
});
