import { randomUUID } from 'node:crypto';
import { access, constants, type FileHandle, open, unlink } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import type { Evidence } from '../run/events.ts';
import type { Act } from '../run/performer.ts';
import { startedAt } from '../run/process.ts';
import type { Step } from '../runbook/step-schema.ts';
import { placeholders } from '../runbook/template.ts';
import { parting } from './parting.ts';
import { shown, type World } from './world.ts';

/** How much of the output is kept, in bytes: its end, where programs say what came of them. */
const OUTPUT_KEPT = 8_000;
/** Between asking a program to end and making it, in ms. */
const GRACE_MS = 5_000;

/**
 * Waits for the word to go, then becomes the program; when its end of the line is closed instead, that is never begun.
 * What stands in the journal can be found by the next conductor, so nothing is begun before it does.
 */
const START = ['/bin/sh', '-c', 'read -r go <&3 && exec "$@" 3<&-', 'sh'] as const;

/** How a program ended. */
export interface Ended {
  exit: number;
  /** The end of standard output and standard error, as they came, without secrets. */
  output: string;
  /** The same as a person is shown it. */
  evidence: Evidence;
}

/** A program that could not be started, was killed, or took longer than the step allows. */
export class ProgramFailed extends Error {
  readonly advice: string;
  readonly evidence: Evidence[];
  constructor(message: string, advice: string, evidence: Evidence[] = [], options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProgramFailed';
    this.advice = advice;
    this.evidence = evidence;
  }
}

/**
 * Runs a program, its arguments as they are and without a terminal, until it ends, the step's timeout is over or the act is aborted;
 * then it is ended with all processes it has started. When this process dies, or the run goes to another conductor, it is
 * left to itself. It finds secrets in its environment, which is ours, and none in its
 * arguments: everybody on the machine can read those.
 * @param recorded the program is put on record before it begins, for it does something that must not be done twice
 * @throws ProgramFailed; an exit code is no failure here
 */
export async function runProgram(
  argv: string[],
  step: Step,
  act: Act,
  world: World,
  { recorded = false } = {},
): Promise<Ended> {
  act.signal.throwIfAborted();
  const [command = '', ...args] = argv.map((each) => argument(each, world));
  await mustBeThere(command, world.env.PATH);
  await using written = await nameless();
  const { stopped, left } = parting(act);
  // Handed to the program as it is, without a pipe. The types of execa know no descriptors but the standard ones.
  const output = written.fd as 1;
  const [shell, ...start] = START;
  const program = execa(shell, [...start, command, ...args], {
    env: Object.fromEntries(Object.entries(world.env).map(([name, value]) => [name, value ?? ''])),
    extendEnv: false,
    stdio: ['ignore', output, output, 'pipe'],
    buffer: false,
    reject: false,
    cleanup: false,
    cancelSignal: stopped,
    killDescendants: true,
    forceKillAfterDelay: GRACE_MS,
    ...(step.timeout === undefined ? {} : { timeout: step.timeout }),
  });
  const word = program.stdio[3] as Socket;
  // It may be ended before it hears it.
  word.on('error', () => undefined);
  try {
    if (recorded) await onRecord(program.pid, act);
    word.end('go\n');
  } catch (error) {
    word.destroy();
    throw error;
  }
  const result = await Promise.race([program, leftToItself(left)]);
  act.signal.throwIfAborted();
  const said = world.redactor.redact(await endOf(written)).slice(-OUTPUT_KEPT);
  const evidence: Evidence = { kind: 'text', title: [command, ...args].join(' '), text: said };
  if (result.timedOut) {
    throw new ProgramFailed(
      `${command} took longer than the step allows and was ended.`,
      'Look at its output; give the step a longer timeout, or retry.',
      [evidence],
    );
  }
  if (result.exitCode === undefined) {
    throw new ProgramFailed(
      `${command} could not be run to its end: ${result.signal ?? (result.cause instanceof Error ? result.cause.message : 'unknown')}`,
      'Find out who or what has ended it, then retry.',
      [evidence],
      { cause: result.cause },
    );
  }
  return { exit: result.exitCode, output: said, evidence };
}

/** The shell that starts it would say that only in its own words. @throws ProgramFailed */
async function mustBeThere(command: string, path = '/usr/bin:/bin'): Promise<void> {
  const places = command.includes('/') ? [command] : path.split(delimiter).map((folder) => join(folder, command));
  for (const place of places) {
    const there = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (there) return;
  }
  throw new ProgramFailed(
    `There is no program ${command} here.`,
    'Make sure it is installed on the machine that conducts the run, and on its PATH.',
  );
}

async function onRecord(pid: number | undefined, act: Act): Promise<void> {
  const started = pid === undefined ? null : startedAt(pid);
  if (pid === undefined || started === null) {
    throw new ProgramFailed('The program ended before it began.', 'Find out who or what has ended it, then retry.');
  }
  await act.program({ pid, started });
}

/**
 * A file for output that only this process and the program can reach. To a pipe, a program that outlives this process could
 * write nothing more, and would be ended by trying.
 */
async function nameless(): Promise<FileHandle> {
  const path = join(tmpdir(), `middlewatch-${randomUUID()}`);
  const file = await open(path, 'ax+', 0o600);
  await unlink(path);
  return file;
}

async function endOf(file: FileHandle): Promise<string> {
  const { size } = await file.stat();
  const end = Buffer.alloc(Math.min(size, 2 * OUTPUT_KEPT));
  await file.read(end, 0, end.length, size - end.length);
  const text = end.toString('utf8');
  // Of a secret cut in two, nobody would know the rest: the line that was cut is left out.
  return size > end.length ? text.slice(text.indexOf('\n') + 1) : text;
}

function leftToItself(left: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const leave = () => reject(left.reason);
    // It may have been while the program was put on record.
    if (left.aborted) leave();
    left.addEventListener('abort', leave, { once: true });
  });
}

function argument(written: string, world: World): string {
  const secret = placeholders(written).find((path) => path.startsWith('env.'));
  if (secret === undefined) return shown(world, written);
  throw new ProgramFailed(
    `{{${secret}}} may not stand in a command: everybody on the machine could read it there.`,
    'The command inherits the environment; let it read the variable itself.',
  );
}
