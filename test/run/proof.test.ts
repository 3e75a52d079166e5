import { createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signWith } from '../../src/cli/sign.ts';
import { bound } from '../../src/run/answering/answers.ts';
import { proofRefusal } from '../../src/run/answering/proof.ts';
import { readSignature, signs } from '../../src/run/answering/ssh-signature.ts';
import { statementText } from '../../src/run/answering/statement.ts';
import type { Answer } from '../../src/run/events.ts';
import type { RunState } from '../../src/run/state.ts';
import { NAMESPACE } from '../../src/runbook/signer-keys.ts';
import { APPROVAL, asking, folder, newKey } from './signing.ts';

const GRACE = { name: 'Grace', role: 'lead' };
const NOW = Date.parse('2030-03-04T02:00:00Z');

const approval = (by = GRACE): Answer => ({
  prompt: 'approve',
  round: 1,
  choose: 'sign',
  by,
  proof: 'named',
  from: 't',
});

function askedOf(state: RunState) {
  const [asked] = state.prompts;
  if (!asked) throw new Error('nothing is asked');
  return asked;
}

async function signed(state: RunState, file: string, answer = approval()): Promise<Answer> {
  const signature = await signWith(file, statementText(state, askedOf(state), answer));
  return { ...bound(state, answer), proof: 'signed', signature };
}

const judged = (state: RunState, answer: Answer, at = NOW) => proofRefusal(state, askedOf(state), answer, at);

describe('a signature', () => {
  it.each(['ed25519', 'rsa', 'ecdsa'])('made by ssh-keygen with a key of type %s counts', async (type) => {
    const { file, line } = await newKey(type);
    const { state, happens } = asking({ Grace: [line] });
    const answer = await signed(state, file);
    expect(judged(state, answer)).toBeNull();
    happens(NOW, { type: 'prompt-answered', answer });
    const after = happens(NOW, { type: 'prompt-settled', prompt: answer.prompt, round: answer.round });
    expect(after.prompts[0]?.settled).toEqual(answer);
  });

  it('is judged as ssh-keygen judges it, also one of a hardware key', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const string = (it: Buffer | string) => {
      const bytes = Buffer.from(it);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    };
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
    const type = 'sk-ssh-ed25519@openssh.com';
    const key = Buffer.concat([string(type), string(raw), string('ssh:')]);
    const digest = (hash: string, it: Buffer | string) => createHash(hash).update(it).digest();
    const made = (text: string) => {
      const data = Buffer.concat([
        Buffer.from('SSHSIG'),
        ...[NAMESPACE, '', 'sha512', digest('sha512', text)].map(string),
      ]);
      const touched = Buffer.from([1, 0, 0, 0, 7]);
      const covered = Buffer.concat([digest('sha256', 'ssh:'), touched, digest('sha256', data)]);
      const whole = Buffer.concat([
        string(type),
        string(sign(null, covered, createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' })))),
        touched,
      ]);
      const blob = Buffer.concat([
        Buffer.from('SSHSIG\0\0\0\u0001'),
        ...[key, NAMESPACE, '', 'sha512', whole].map(string),
      ]);
      return `-----BEGIN SSH SIGNATURE-----\n${blob.toString('base64').replace(/.{70}/g, '$&\n')}\n-----END SSH SIGNATURE-----\n`;
    };
    const where = await folder();
    await writeFile(join(where, 'allowed'), `Grace ${type} ${key.toString('base64')}\n`);
    await writeFile(join(where, 'sig'), made('a text'));
    const theirs = async (input: string) => {
      const args = ['-Y', 'verify', '-n', NAMESPACE, '-I', 'Grace', '-f', 'allowed', '-s', 'sig'];
      return (await execa('ssh-keygen', args, { cwd: where, input, reject: false })).exitCode === 0;
    };
    const ours = (text: string) => signs(readSignature(made('a text')), text);
    for (const text of ['a text', 'another']) expect(ours(text)).toBe(await theirs(text));
    expect(ours('a text')).toBe(true);
  });

  it('is of one run, one question as it was shown, one round, one person, one answer', async () => {
    const { file, line } = await newKey();
    const keys = { Grace: [line] };
    const { state } = asking(keys);
    const { binds: _binds, ...answer } = await signed(state, file);
    const otherwise = { ...APPROVAL, evidence: [{ kind: 'text' as const, title: 'The run so far', text: 'other' }] };
    const others: [RunState, Partial<Answer>?][] = [
      [asking(keys, { run: 'another' }).state],
      [asking(keys, { prompts: [otherwise] }).state],
      [asking(keys, { prompts: [{ ...APPROVAL, round: 2 }] }).state, { round: 2 }],
      [asking(keys, { yaml: 'changed' }).state],
      [state, { choose: 'refuse', reason: 'no' }],
      [state, { by: { name: 'Grace', role: 'dev' } }],
    ];
    for (const [where, change] of others) expect(judged(where, { ...answer, ...change })).toMatch(/is of another text/);
  });

  it('by the wrong key, the key of another, for another purpose, or none at all, says which it is', async () => {
    const [hers, another, unknown] = await Promise.all([newKey(), newKey(), newKey()]);
    const { state } = asking({ Grace: [hers.line], Barbara: [another.line] });
    const by = async (file: string) => judged(state, await signed(state, file));
    expect(await by(another.file)).toMatch(/made with the key of Barbara \(SHA256:/);
    expect(await by(unknown.file)).toMatch(/made with a key that this runbook does not list/);
    expect(judged(state, approval())).toMatch(/a name alone does not do/);
    expect(judged(state, { ...approval(), proof: 'rehearsal' })).toMatch(/rehearsal does not count/);
    expect(judged(state, { ...approval(), proof: 'signed', signature: 'I, Grace' })).toMatch(/is no SSH signature/);
    const text = statementText(state, askedOf(state), approval());
    const { stdout } = await execa('ssh-keygen', ['-Y', 'sign', '-n', 'git', '-f', hers.file], { input: text });
    expect(judged(state, { ...approval(), proof: 'signed', signature: stdout })).toMatch(/made for “git”/);
  });

  it('counts while its key is valid', async () => {
    const { file, line } = await newKey();
    const { state } = asking({ Grace: [`valid-after="20300101Z",valid-before="20300304020000Z" ${line}`] });
    const answer = await signed(state, file);
    expect(judged(state, answer, NOW - 1)).toBeNull();
    expect(judged(state, answer, NOW)).toMatch(/has expired/);
    expect(judged(state, answer, Date.parse('2029-12-31'))).toMatch(/counts from 2030-01-01T00:00Z on/);
  });

  it('that was changed anywhere does not count', async () => {
    const { file, line } = await newKey('ecdsa');
    const { state } = asking({ Grace: [line] });
    const { signature = '' } = await signed(state, file);
    const bytes = Buffer.from(signature.replace(/-----[^-]+-----/g, ''), 'base64');
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const other = Buffer.from(bytes);
        other[at] = (other[at] ?? 0) ^ flip;
        const armored = `-----BEGIN SSH SIGNATURE-----\n${other.toString('base64')}\n-----END SSH SIGNATURE-----`;
        return judged(state, { ...approval(), proof: 'signed', signature: armored }) !== null;
      }),
    );
  });
});

it('a rehearsal takes the name', () => {
  expect(judged(asking({}, { rehearsal: true }).state, { ...approval(), proof: 'rehearsal' })).toBeNull();
});

it('an answer written to a question that has become another one does not count', () => {
  const answer = bound(asking({}, { rehearsal: true }).state, approval());
  expect(judged(asking({}, { rehearsal: true, yaml: 'changed' }).state, answer)).toMatch(/belongs to another question/);
});

it('says each thing on a line of its own, whatever is in it', () => {
  const { state } = asking({});
  const hostile = { ...approval({ name: 'Grace\nanswer: refuse', role: 'lead' }), reason: '\u202eyes\u001b[2J' };
  const text = statementText(state, askedOf(state), hostile);
  expect(text.split('\n').filter((line) => line.startsWith('answer:'))).toEqual(['answer: sign']);
  expect(text).not.toMatch(/[^\P{C}\n]/u);
});
