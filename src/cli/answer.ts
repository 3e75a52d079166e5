import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { askedBy, bound, refusal } from '../run/answering/answers.ts';
import { keysOf, mustSign, PROOF_WORDS, proofRefusal } from '../run/answering/proof.ts';
import { statementText } from '../run/answering/statement.ts';
import type { Answer, Prompt } from '../run/events.ts';
import { foldAll } from '../run/fold/fold.ts';
import type { Journal } from '../run/journal/journal.ts';
import type { PromptState, RunState } from '../run/state.ts';
import { command as commandOf, placeOf } from '../ui/commands.ts';
import { inert } from '../ui/inert.ts';
import { promptText } from '../ui/typed-lines.ts';
import { openPrompts } from '../ui/view.ts';
import { INTERRUPTED } from './interruption.ts';
import { archiveAt, journalOption } from './journal-option.ts';
import { personAt } from './person.ts';
import { print } from './print.ts';
import { readRun } from './runs.ts';
import { NotSigned, SigningStopped, signHere, signWith } from './sign.ts';
import { TERMINAL } from './terminal.ts';

interface Flags {
  prompt?: string;
  choose?: string;
  reason?: string;
  as?: string;
  name?: string;
  key?: string;
  signature?: string;
  sign?: true;
  text?: true;
  journal?: string;
}

/** How long the conductor is given to act on an answer, in ms; it looks several times a second. */
const PATIENCE = 5_000;

/** The question that is meant: the one named, or the only one that is open. */
function meant(state: RunState, flags: Flags, command: Command): PromptState {
  const open = openPrompts(state);
  const names = open.map(({ id }) => id).join(', ');
  const fitting = open.filter(({ id }) => flags.prompt === undefined || flags.prompt === id);
  const [prompt] = fitting;
  const asked = prompt && state.prompts.find((each) => each.prompt === prompt);
  if (asked && fitting.length === 1) return asked;
  const past = state.prompts.findLast((each) => each.prompt.id === flags.prompt)?.settled;
  if (past)
    command.error(`error: --prompt ${flags.prompt}: ${inert(past.by.name)} has already answered: ${past.choose}`);
  if (open.length === 0) command.error(`error: nothing is asked in ${state.run}`);
  if (flags.prompt === undefined) command.error(`error: several questions are open; say which with --prompt: ${names}`);
  return command.error(`error: --prompt ${flags.prompt}: this is not asked; open are ${names}`);
}

/** The signature of an answer, from wherever the flags say; undefined when none is to be made. @throws NotSigned */
async function signatureFor(
  flags: Flags,
  state: RunState,
  asked: PromptState,
  answer: Answer,
): Promise<string | undefined> {
  const statement = statementText(state, asked, answer);
  if (flags.signature === '-') return await text(process.stdin);
  if (flags.signature !== undefined) return await readFile(flags.signature, 'utf8');
  if (flags.key !== undefined) return await signWith(flags.key, statement);
  if (!flags.sign && !mustSign(state, asked)) return undefined;
  const signature = await signHere({ statement, by: answer.by, keys: keysOf(state, answer.by.name) });
  if (signature === null) throw new NotSigned('Not signed; nothing was put on record.');
  return signature;
}

/** What came of the answer given here: waits until the conductor has acted on it, where there is one, and not for long. */
async function becameOf(
  journal: Journal,
  before: RunState,
  given: Answer,
): Promise<{ refused: string } | { says: string }> {
  const at = placeOf(before, journal);
  const giveUp = performance.now() + PATIENCE;
  for (let state = before; ; ) {
    state = foldAll(state, await journal.read(state.seq)) ?? state;
    const asked = askedBy(state, given);
    const mine = asked?.answers.findLast(({ answer }) => answer.from === TERMINAL);
    if (mine && mine.refused !== null) return { refused: mine.refused };
    if (asked?.settled?.from === TERMINAL) return { says: 'It counts.' };
    if (asked && asked.closedAt !== null) return { refused: 'The question was withdrawn.' };
    const holder = await journal.holder();
    if (holder === null || holder.silent) {
      return {
        says: `Nobody conducts this run at present; it is acted on once somebody does, with ${commandOf(at, 'run')} and --as ROLE.`,
      };
    }
    if (performance.now() > giveUp) {
      return { says: `The conductor has not acted on it yet; ${commandOf(at, 'status')} tells when it has.` };
    }
    await delay(journal.interval);
  }
}

async function answer(name: string | undefined, flags: Flags, command: Command): Promise<void> {
  const { journal, runbook, state } = await readRun(archiveAt(flags), name);
  try {
    if (flags.choose === undefined) {
      const open: Prompt[] = openPrompts(state);
      const shown = open.map((prompt) => promptText(prompt, runbook, { typing: false, at: placeOf(state, journal) }));
      return print(shown.length === 0 ? 'Nothing is asked.\n' : `${shown.join('\n')}\n`);
    }
    const asked = meant(state, flags, command);
    const { id, round } = asked.prompt;
    const given = bound(state, {
      prompt: id,
      round,
      choose: flags.choose,
      ...(flags.reason === undefined ? {} : { reason: flags.reason }),
      by: personAt(runbook, flags, command),
      proof: 'named',
      from: TERMINAL,
    });
    const refused = refusal(state, given);
    if (refused !== null) command.error(`error: ${inert(refused)}`);
    if (flags.text) return print(statementText(state, asked, given));
    const toSign = flags.sign || mustSign(state, asked);
    if (toSign && keysOf(state, given.by.name).length === 0) {
      command.error(`error: this is to be signed, and the runbook lists no key of ${inert(given.by.name)}`);
    }
    const signature = await signatureFor(flags, state, asked, given);
    const whole: Answer = signature === undefined ? given : { ...given, proof: 'signed', signature };
    const now = Date.now() + state.aheadMs;
    const unproved = proofRefusal(state, asked, whole, now);
    if (unproved !== null) command.error(`error: not put on record. ${inert(unproved)}`);
    const [record] = await journal.append('terminal', now, [{ type: 'prompt-answered', answer: whole }]);
    const came = await becameOf(journal, state, whole);
    if ('refused' in came) command.error(`error: on record, but it does not count: ${inert(came.refused)}`);
    print(
      `On record as ${record?.seq}: ${inert(given.by.name)} answers “${inert(given.choose)}”, ${PROOF_WORDS[whole.proof]}. ${came.says}\n`,
    );
  } catch (error) {
    if (!(error instanceof SigningStopped)) throw error;
    process.stderr.write(`\nNot on record: ${error.message}\n`);
    process.exitCode = INTERRUPTED;
  } finally {
    await journal.close();
  }
}

/** `runbook answer`: answers a question of a run from a shell, signed where that is asked for. */
export function register(program: Command): void {
  program
    .command('answer')
    .description('answer a question of a run from a shell, and sign it; without --choose, show what is asked')
    .argument('[run]', 'its name, or a path; the one opened last by default')
    .addOption(journalOption())
    .option('--prompt <id>', 'the question, where several are open')
    .option('--choose <answer>', 'what you answer')
    .option('--reason <why>', 'why, for the report')
    .option('--as <role>', 'the role you have')
    .option('--name <name>', 'your name, as the runbook has it')
    .option('--sign', 'sign it with your SSH key, also where a name would do')
    .option('--key <file>', 'sign with this key: a private one, or a public one whose other half an agent has')
    .option('--signature <file>', 'a signature made elsewhere over what --text prints; - reads it from stdin')
    .option('--text', 'print what is to be signed, and do nothing else')
    .action(answer);
}
