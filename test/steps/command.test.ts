import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { LeaseLost } from '../../src/run/journal/journal.ts';
import { type ProcessIdentity, startedAt } from '../../src/run/process.ts';
import { command } from '../../src/steps/command.ts';
import { eventually } from '../support/eventually.ts';
import { actOf, stateOf, stepOf, worldOf } from './acting.ts';

const node = (script: string) => [process.execPath, '-e', script];
const env = { PATH: process.env.PATH ?? '' };

it('is content with exit code 0, or with the one expected and the output expected', async () => {
  const fine = await command.perform(stepOf('command', { run: node('console.log(1)') }), actOf(), worldOf({ env }));
  expect(fine).toMatchObject({ finished: { evidence: [{ kind: 'text', text: expect.stringContaining('1') }] } });

  const step = stepOf('command', {
    run: node('console.error("backup\\nCOMPLETED"); process.exitCode = 3'),
    expect: { exit: 3, matches: '^COMPLETED$' },
  });
  await expect(command.perform(step, actOf(), worldOf({ env }))).resolves.toHaveProperty('finished');
});

it('fails with what it wrote last, without the secrets in it', async () => {
  const step = stepOf('command', {
    run: node(
      'console.log("x".repeat(1e6)); console.log("the password is " + process.env.DB_PASSWORD); process.exitCode = 2',
    ),
  });
  const world = worldOf({ env: { ...env, DB_PASSWORD: 'hunter2!' } });
  const failure = await command.perform(step, actOf(), world).catch((error) => error);
  expect(failure.message).toMatch(/exit code 2/);
  expect(failure.evidence[0].text).toMatch(/the password is •+\n?$/);
  expect(failure.evidence[0].text.length).toBeLessThan(10_000);
});

it('has no shell, no input, and no secret in its arguments', async () => {
  const read = 'process.stdin.on("end", () => console.log(process.argv[1])).resume()';
  const step = stepOf('command', {
    run: [...node(read), '$(id); {{settings.name}}'],
    expect: { matches: '^\\$\\(id\\); it$' },
  });
  await expect(
    command.perform(step, actOf(), worldOf({ env, parts: { settings: { name: 'it' } } })),
  ).resolves.toHaveProperty('finished');

  const leaky = stepOf('command', { run: ['echo', '{{env.DB_PASSWORD}}'] });
  await expect(command.perform(leaky, actOf(), worldOf({ env: { DB_PASSWORD: 'hunter2!' } }))).rejects.toThrow(
    /\{\{env\.DB_PASSWORD\}\} may not stand in a command/,
  );
});

it('says when a program is not there, and when it took too long', async () => {
  const missing = stepOf('command', { run: ['no-such-program'] });
  await expect(command.perform(missing, actOf(), worldOf({ env }))).rejects.toMatchObject({
    message: expect.stringContaining('no-such-program'),
    advice: expect.stringContaining('installed'),
  });
  const endless = stepOf('command', { run: node('setInterval(() => {}, 1000)'), timeout: '200ms' });
  await expect(command.perform(endless, actOf(), worldOf({ env }))).rejects.toThrow('took longer');
});

it('ends the whole tree of processes when the act is aborted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'command-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const noted = join(folder, 'pid');
  const grandchild = `require('fs').writeFileSync(${JSON.stringify(noted)}, String(process.pid)); setInterval(() => {}, 1000)`;
  const child = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}]); setInterval(() => {}, 1000)`;
  const stop = new AbortController();
  const performed = command.perform(
    stepOf('command', { run: node(child) }),
    actOf({ signal: stop.signal }),
    worldOf({ env }),
  );
  const ended = expect(performed).rejects.toThrow('stopped');
  const pid = await eventually(async () => {
    const text = await readFile(noted, 'utf8');
    expect(text).not.toBe('');
    return Number(text);
  });
  expect(startedAt(pid)).not.toBeNull();
  stop.abort(new Error('stopped'));
  await ended;
  await eventually(() => expect(startedAt(pid)).toBeNull());
});

it('knows after a crash what its verification says, and nothing without one', async () => {
  const verify = (exit: number) => stepOf('command', { run: ['true'], verify: node(`process.exit(${exit})`) });
  await expect(command.verify?.(verify(0), actOf(), worldOf({ env }))).resolves.toMatchObject({ found: 'done' });
  await expect(command.verify?.(verify(1), actOf(), worldOf({ env }))).resolves.toEqual({ found: 'not-done' });
  const blind = stepOf('command', { run: ['true'] });
  const ended = { host: hostname(), pid: process.pid, started: `${startedAt(process.pid)}7` };
  const begun = actOf({ state: stateOf({ it: { program: ended } }) });
  await expect(command.verify?.(blind, begun, worldOf({ env }))).resolves.toMatchObject({ found: 'unclear' });
  // Not on record, it was not let go.
  await expect(command.verify?.(blind, actOf(), worldOf({ env }))).resolves.toEqual({ found: 'not-done' });
});

it('is not begun before it is on record, and never when that fails', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'command-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const mark = join(folder, 'begun');
  const began = () => readFile(mark, 'utf8').catch(() => null);
  const step = stepOf('command', { run: node(`require('fs').writeFileSync(${JSON.stringify(mark)}, 'x')`) });
  let pid = 0;
  const refused = Object.assign(actOf(), {
    async program(it: ProcessIdentity) {
      ({ pid } = it);
      throw new LeaseLost();
    },
  });
  await expect(command.perform(step, refused, worldOf({ env }))).rejects.toBeInstanceOf(LeaseLost);
  await eventually(() => expect(startedAt(pid)).toBeNull());
  expect(await began()).toBeNull();

  const taken = Object.assign(actOf(), {
    async program(it: ProcessIdentity) {
      expect([startedAt(it.pid), await began()]).toEqual([it.started, null]);
    },
  });
  await command.perform(step, taken, worldOf({ env }));
  expect(await began()).toBe('x');
});

it('that outlives its conductor is followed to its end, and not begun again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'command-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const go = join(folder, 'go');
  // It writes before it is done: to a pipe whose reader is gone, that would end it.
  const script = `const fs = require('fs'); const timer = setInterval(() => {
    console.log('at work');
    if (!fs.existsSync(${JSON.stringify(go)})) return;
    fs.writeFileSync(${JSON.stringify(join(folder, 'done'))}, ''); clearInterval(timer) }, 10)`;
  const step = stepOf('command', { run: node(script), verify: ['test', '-e', join(folder, 'done')] });
  const taken = new AbortController();
  const first = actOf({ signal: taken.signal });
  const lost = command.perform(step, first, worldOf({ env })).catch((error: unknown) => error);
  const pid = await eventually(() => {
    const { program } = first.state().steps.it ?? {};
    if (!program) throw new Error('not yet');
    return program.pid;
  });
  taken.abort(new LeaseLost());
  expect(await lost).toBeInstanceOf(LeaseLost);

  const notes: string[] = [];
  const second = Object.assign(actOf({ state: first.state() }), {
    note: async (text: string) => void notes.push(text),
  });
  const verified = command.verify?.(step, second, worldOf({ env }));
  await eventually(() => expect(notes).toEqual([expect.stringContaining(`following process ${pid}`)]));
  expect(startedAt(pid)).not.toBeNull();
  await writeFile(go, '');
  expect(await verified).toMatchObject({ found: 'done' });

  const elsewhere = stateOf({ it: { program: { host: 'bastion-2', pid, started: 'then' } } });
  await rm(join(folder, 'done'));
  expect(await command.verify?.(step, actOf({ state: elsewhere }), worldOf({ env }))).toMatchObject({
    found: 'unclear',
    why: expect.stringContaining('bastion-2'),
  });
});
