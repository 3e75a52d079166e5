import { join } from 'node:path';
import type { Command } from 'commander';
import { startRehearsal } from '../rehearsal/rehearsal.ts';
import type { Person } from '../run/events.ts';
import { undoable } from '../run/undo.ts';
import { findStep, type Runbook } from '../runbook/plan.ts';
import type { RehearsalAnswer } from '../runbook/schema.ts';
import { parseRunbook, readSources } from '../runbook/sources.ts';
import { defaultRunbook } from './default-runbook.ts';
import { print } from './print.ts';
import { orProblems } from './problems.ts';
import { reportFolder } from './report-folder.ts';
import { openRun } from './runs.ts';
import { attendRun } from './session.ts';

interface Flags {
  rows: string;
  auto?: true;
  keep?: true;
  plain?: true;
  fail: string[];
  report: string;
}

/** The choices after a failure, as far as they are known before the run: roll back is on offer once something is undoable. */
function choices(runbook: Runbook, id: string): string[] | undefined {
  const step = findStep(runbook, id)?.step;
  if (!step) return undefined;
  if (step.on_failure) return step.on_failure.map((each) => each.choose);
  const anyUndo = runbook.activities.some((activity) => activity.steps.some(undoable));
  return ['retry', ...(anyUndo ? ['roll-back'] : []), 'abort'];
}

/** The answers of a rehearsal: the runbook's own, and those that `--fail STEP=CHOICE` asks for. */
function answersFor(runbook: Runbook, fails: { step: string; choose: string | undefined }[], by: Person) {
  const answers: Record<string, RehearsalAnswer> = { ...runbook.document.rehearsal.answers };
  for (const { step, choose } of fails) {
    if (choose === undefined) continue;
    const reason = `A rehearsal of ${step} failing`;
    answers[`${step}.failed`] = { choose, reason, as: by.role };
    answers.rollback ??= { choose: 'approve', reason, as: runbook.document.rollback.approver };
  }
  return answers;
}

/** Environment of the conductor: this one, with the throwaway database and mail server in the place of any real ones. */
function sheltered(env: Record<string, string>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^PG[A-Z]+$/.test(name) && name !== 'DATABASE_URL' && name !== 'SMTP_URL',
  );
  return { ...Object.fromEntries(own), ...env };
}

async function rehearse(file: string, flags: Flags, command: Command): Promise<void> {
  const rows = Number(flags.rows);
  if (!Number.isInteger(rows) || rows < 1) command.error(`error: --rows takes a number of rows, not ${flags.rows}`);
  const sources = await orProblems(() => readSources(file));
  const written = sources && (await orProblems(async () => parseRunbook(sources)));
  if (!sources || !written) return;

  const fails = flags.fail.map((text) => {
    const [step = '', choose] = text.split('=');
    const known = choices(written, step);
    if (!known) command.error(`error: --fail ${text}: this runbook has no step called ${step}`);
    if (choose !== undefined && !known?.includes(choose)) {
      command.error(`error: --fail ${text}: when ${step} fails, one may choose ${known?.join(', ')}`);
    }
    return { step, choose };
  });

  const report = await reportFolder(flags.report, `${written.document.id}-rehearsal`, command);

  const rehearsal = await startRehearsal({
    rows,
    keep: flags.keep ?? false,
    onProgress: (what) => print(`${what} …\n`),
  });
  // From here on a signal ends the rehearsal in order: the session leaves, then everything is taken down.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  try {
    const settings = { ...written.document.rehearsal.settings, ...rehearsal.settings };
    const runbook = parseRunbook(sources, { settings });
    const role = Object.entries(runbook.document.roles).find(([, { people }]) => people.length > 0);
    const me = { role: role?.[0] ?? 'operator', name: role?.[1].people[0]?.name ?? 'Operator' };
    const first = Math.min(...runbook.activities.map((activity) => activity.startsAt));
    const folder = join(rehearsal.folder, `${runbook.document.id}-rehearsal`);
    const opened = await openRun({ runbook, folder, by: me, settings, rehearsal: true, at: first });
    const interactive = process.stdin.isTTY && process.stdout.isTTY;
    const auto = flags.auto ?? !interactive;
    const code = await attendRun({
      opened,
      runbook,
      me,
      env: sheltered(rehearsal.env),
      flags: fails.flatMap(({ step }) => ['--fail', step]),
      report,
      rehearsal: true,
      plain: flags.plain ?? false,
      ...(auto ? { answers: answersFor(runbook, fails, me) } : {}),
      leaveOpen: auto,
    });
    await opened.journal.close();
    const { requests, errors } = rehearsal.traffic();
    print(`Report: ${join(report, 'report.md')}\n`);
    print(
      `${rehearsal.mail().count} mails received; the application answered ${requests} requests, ${errors} with an error.\n`,
    );
    if (flags.keep) print(`Kept: ${rehearsal.folder}\n`);
    process.exitCode = code;
  } finally {
    await rehearsal.stop();
  }
}

/** `runbook rehearse`: the whole window against a throwaway database, with real mail received. */
export function register(program: Command): void {
  program
    .command('rehearse')
    .description('rehearse a window: throwaway PostgreSQL, generated data, an application in use, real mail received')
    .argument('[file]', 'the runbook', defaultRunbook())
    .option('--rows <n>', 'rows of the largest table', '20000')
    .option('--auto', "give the runbook's own rehearsal answers")
    .option('--keep', 'leave the folder with the database, the mails and the status page')
    .option('--plain', 'one line an event instead of the screen')
    .option(
      '--fail <step[=choice]>',
      'let a step fail once, and choose what follows; may be repeated',
      (text: string, before: string[]) => [...before, text],
      [],
    )
    .option('--report <folder>', 'where the report goes', 'reports')
    .action(rehearse);
}
