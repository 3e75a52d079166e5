import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { parse } from 'yaml';
import * as z from 'zod';
import { EmptyJournal } from '../report/report.ts';
import { pinOf } from '../run/answering/statement.ts';
import type { Journal } from '../run/journal/journal.ts';
import { runbookOf } from '../run/pins.ts';
import type { RunState } from '../run/state.ts';
import { instant } from '../runbook/fields.ts';
import { worksOnDatabase } from '../runbook/plan.ts';
import { answer, type RehearsalAnswer } from '../runbook/schema.ts';
import { parseRunbook, readSources } from '../runbook/sources.ts';
import { placeOf } from '../ui/commands.ts';
import { inert } from '../ui/inert.ts';
import { proposeChange } from './changed.ts';
import { refuseTarget } from './database-archive.ts';
import { held } from './held.ts';
import { interruption } from './interruption.ts';
import { archiveAt, JOURNAL_VARIABLE, journalOption } from './journal-option.ts';
import { personAt } from './person.ts';
import { print } from './print.ts';
import { orProblems } from './problems.ts';
import { reportFolder } from './report-folder.ts';
import { openRun, runFolder, stateOf } from './runs.ts';
import { attendRun } from './session.ts';
import { dayOf, runsOf, toCarryOn, toRollBack } from './which-run.ts';

interface Flags {
  opens?: string;
  answers?: string;
  plain?: true;
  wait: boolean;
  takeOver?: true;
  as?: string;
  name?: string;
  set?: string[];
  rollBack?: string;
  acceptChanges?: string;
  report: string;
  journal?: string;
}

async function answersOf(path: string, command: Command): Promise<Record<string, RehearsalAnswer>> {
  const text = await readFile(path, 'utf8').catch((error: Error) =>
    command.error(`error: --answers ${path} cannot be read: ${error.message}`),
  );
  let given: unknown;
  try {
    given = parse(text, { maxAliasCount: 0, prettyErrors: false });
  } catch (error) {
    command.error(`error: --answers ${path} is not YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  const read = z.record(z.string(), answer).safeParse(given);
  if (!read.success) command.error(`error: --answers ${path}: ${z.prettifyError(read.error)}`);
  return read.data ?? {};
}

async function stateIn(journal: Journal): Promise<RunState> {
  const state = stateOf(await journal.read(0));
  if (state === null) throw new EmptyJournal();
  return state;
}

/** Since when a run has its conductor, and who opened it, as a piece of a sentence. */
async function conductorWords(journal: Journal): Promise<string> {
  const records = await journal.read(0);
  const started = records.findLast(({ event }) => event.type === 'conductor-started');
  const by = stateOf(records)?.by;
  if (started === undefined || by === undefined) return '';
  const minutes = Math.round(Math.max(0, Date.now() - started.at) / 60_000);
  return ` (for ${minutes} min; ${by.name}, ${by.role}, opened the run)`;
}

async function run(file: string, flags: Flags, command: Command): Promise<void> {
  if (flags.rollBack?.trim() === '') command.error('error: --roll-back needs a reason, for the report');
  const opens = flags.opens === undefined ? undefined : instant.safeParse(flags.opens);
  if (opens && !opens.success) command.error(`error: --opens ${flags.opens} ${opens.error.issues[0]?.message}`);
  const settings = Object.fromEntries(
    (flags.set ?? []).map((text) => {
      const at = text.indexOf('=');
      if (at < 1) command.error(`error: --set takes name=value, not ${text}`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
  const sources = await orProblems(() => readSources(file));
  const moment = opens?.success ? { opens: opens.data } : {};
  const runbook = sources && (await orProblems(async () => parseRunbook(sources, moment)));
  if (!runbook) return;
  const known = Object.keys(runbook.document.settings);
  const stranger = Object.keys(settings).find((each) => !known.includes(each));
  if (stranger !== undefined) {
    command.error(`error: --set ${inert(stranger)}: the settings of this runbook are ${known.join(', ') || 'none'}`);
  }
  const answers = flags.answers === undefined ? undefined : await answersOf(flags.answers, command);
  const { journal: journalUrl } = flags;
  const archive = archiveAt(flags);
  if (journalUrl !== undefined && worksOnDatabase(runbook)) await refuseTarget(journalUrl, process.env);
  const runs = await runsOf(archive, runbook, opens === undefined);
  const name = flags.rollBack === undefined ? toCarryOn(runs, runbook) : toRollBack(runs);
  if (name === undefined) {
    const last = runs.known.at(-1);
    const why = last ? `its last run is ${last.outcome}` : 'it has no run on this machine';
    command.error(`error: --roll-back: there is nothing to take back of ${runbook.document.id}: ${why}`);
  }
  const fresh = name === runs.next;
  if (fresh && flags.takeOver) {
    const last = runs.known.at(-1);
    const why = last ? `its last run is ${last.outcome}` : 'it has no run here yet';
    command.error(`error: --take-over: there is nothing to go on with of ${runbook.document.id}: ${why}`);
  }
  if (fresh && Date.now() > runbook.closes) {
    command.error(
      `error: this window closed at ${new Date(runbook.closes).toISOString()}; say when it opens with --opens TIME`,
    );
  }
  if (!name.startsWith(dayOf(runbook))) print(`Carrying on with ${name}; --opens TIME opens another.\n`);
  const me = personAt(runbook, flags, command);
  const report = await reportFolder(flags.report, name, command);
  const folder = await runFolder(name);
  const opened = await openRun({ archive, runbook, run: name, by: me, settings, rehearsal: false, at: Date.now() });
  const { journal } = opened;
  const holder = await journal.holder();
  let state = await stateIn(journal);
  if (holder && !(holder.silent && flags.takeOver)) {
    throw held(holder, placeOf(state, journal), await conductorWords(journal));
  }
  const kept = runbookOf(state).document.settings;
  const other = Object.keys(settings).find((each) => settings[each] !== kept[each]);
  if (other !== undefined) {
    command.error(
      `error: --set ${inert(other)}: the run was opened with “${inert(kept[other] ?? '')}”, and keeps that`,
    );
  }
  if (pinOf(runbook.sources) !== state.pin) {
    if (flags.rollBack !== undefined)
      print('The files have changed since; the way back is that of the runbook as the run has it.\n');
    else await proposeChange({ journal, state, runbook, by: me, reason: flags.acceptChanges, command });
  }
  if (holder) {
    const reason = `process ${holder.pid} on ${holder.host} was not heard of any more`;
    await journal.append('terminal', Date.now(), [{ type: 'requested', request: 'take-over', by: me, reason }]);
  }
  if (flags.rollBack !== undefined) {
    const reason = flags.rollBack;
    await journal.append('terminal', Date.now(), [{ type: 'requested', request: 'roll-back', by: me, reason }]);
  }
  const interrupted = interruption();
  for (let { since } = opened; ; since = state.seq) {
    process.exitCode = await attendRun({
      opened: { ...opened, since },
      folder,
      runbook: runbookOf(state),
      me,
      role: me.role,
      env: journalUrl === undefined ? process.env : { ...process.env, [JOURNAL_VARIABLE]: journalUrl },
      flags: [...(flags.wait ? [] : ['--no-wait']), ...(holder ? ['--take-over'] : [])],
      report,
      rehearsal: false,
      plain: flags.plain ?? false,
      ...(answers ? { answers } : {}),
      leaveOpen: !flags.wait,
      interruption: interrupted,
    });
    const { pin } = state;
    state = await stateIn(journal);
    // A conductor leaves once another version of the runbook is approved; the next one goes on with that.
    if (state.pin === pin || interrupted.signal.aborted) break;
  }
  await journal.close();
}

/** `runbook run`: opens a run, or carries on with it, against the database of PG* or DATABASE_URL. */
export function register(program: Command): void {
  program
    .command('run')
    .description('open a run against the database of PG* or DATABASE_URL, or carry on with it')
    .argument('[file]', 'the runbook', 'runbook.yaml')
    .option(
      '--opens <time>',
      'when the window opens, like 2025-11-10T02:00:00Z; without it, the run that is not over is carried on',
    )
    .option('--as <role>', 'the role you have')
    .option('--name <name>', 'your name, as the runbook has it')
    .option('--answers <file>', 'prepared answers: prompt id to {choose, reason, as}')
    .option(
      '--set <name=value>',
      'a setting, over that of the runbook; may be repeated',
      (text: string, before: string[] = []) => [...before, text],
    )
    .addOption(journalOption())
    .option('--plain', 'one line an event instead of the screen')
    .option('--no-wait', 'leave with exit code 3 rather than wait for a person or for the time of day')
    .option('--take-over', 'conduct in place of a conductor that is not heard of any more')
    .option('--roll-back <why>', 'ask to take back the run that is not over, or that was aborted')
    .option('--accept-changes <why>', 'ask to go on with changed files, which a second person has to approve')
    .option('--report <folder>', 'where the report goes', 'reports')
    .action(run);
}
