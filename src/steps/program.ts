import { execa } from 'execa';
import type { Evidence } from '../run/events.ts';
import type { Act } from '../run/performer.ts';
import type { Step } from '../runbook/step-schema.ts';
import { placeholders } from '../runbook/template.ts';
import { shown, type World } from './world.ts';

/** How much of the output is kept, in characters: its end, where programs say what came of them. */
const OUTPUT_KEPT = 8_000;
/** Between asking a program to end and making it, in ms. */
const GRACE_MS = 5_000;

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
 * Runs a program without a shell and without a terminal, until it ends, the step's timeout is over or the act is aborted;
 * then it is ended with all processes it has started. It finds secrets in its environment, which is ours, and none in its
 * arguments: everybody on the machine can read those.
 * @throws ProgramFailed; an exit code is no failure here
 */
export async function runProgram(argv: string[], step: Step, act: Act, world: World): Promise<Ended> {
  act.signal.throwIfAborted();
  const [command = '', ...args] = argv.map((each) => argument(each, world));
  const program = execa(command, args, {
    env: Object.fromEntries(Object.entries(world.env).map(([name, value]) => [name, value ?? ''])),
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    buffer: false,
    reject: false,
    cancelSignal: act.signal,
    killDescendants: true,
    forceKillAfterDelay: GRACE_MS,
    ...(step.timeout === undefined ? {} : { timeout: step.timeout }),
  });
  let tail = '';
  program.all.setEncoding('utf8').on('data', (chunk: string) => {
    tail = (tail + chunk).slice(-OUTPUT_KEPT);
  });
  const result = await program;
  act.signal.throwIfAborted();
  const output = world.redactor.redact(tail);
  const evidence: Evidence = { kind: 'text', title: [command, ...args].join(' '), text: output };
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
      'Make sure it is installed on the machine that conducts the run, and on its PATH.',
      [evidence],
      { cause: result.cause },
    );
  }
  return { exit: result.exitCode, output, evidence };
}

function argument(written: string, world: World): string {
  const secret = placeholders(written).find((path) => path.startsWith('env.'));
  if (secret === undefined) return shown(world, written);
  throw new ProgramFailed(
    `{{${secret}}} may not stand in a command: everybody on the machine could read it there.`,
    'The command inherits the environment; let it read the variable itself.',
  );
}
