import { join } from 'node:path';
import type { Command } from 'commander';
import { startRehearsal } from '../rehearsal/rehearsal.ts';
import type { Person } from '../run/events.ts';
import type { Runbook } from '../runbook/plan.ts';
import { parseRunbook, readSources } from '../runbook/sources.ts';
import { plural } from '../ui/format.ts';
import { defaultRunbook } from './default-runbook.ts';
import { INTERRUPTED, interruption } from './interruption.ts';
import { localArchive } from './local-archive.ts';
import { print } from './print.ts';
import { orProblems } from './problems.ts';
import { reportFolder } from './report-folder.ts';
import { openRun, stateOf } from './runs.ts';
import { attendRun } from './session.ts';
import { chosenAnswers, neverFailed, reasonOf, troubleOf } from './trouble.ts';

interface Flags {
  rows: string;
  auto?: true;
  keep?: true;
  plain?: true;
  fail?: string[];
  report: string;
}

/** Who rehearses: not the one who approves a rollback, where there is anybody else. */
function rehearser({ document }: Runbook): Person {
  const named = Object.entries(document.roles).filter(([, { people }]) => people.length > 0);
  const other = named.find(([role]) => role !== document.rollback.approver);
  const [role = '', { people } = { people: [] }] = other ?? named[0] ?? Object.entries(document.roles)[0] ?? [];
  return { role, name: people[0]?.name ?? 'Operator' };
}

/** Makes this process, and the conductor it starts, forget the person's real databases and mail server. */
function forgetProduction(): void {
  for (const name of Object.keys(process.env)) {
    if (/^PG[A-Z]+$|^DATABASE_URL$|^SMTP_URL$|^RUNBOOK_JOURNAL$/.test(name)) delete process.env[name];
  }
}

async function rehearse(file: string, flags: Flags, command: Command): Promise<void> {
  const rows = Number(flags.rows);
  if (!Number.isInteger(rows) || rows < 1) command.error(`error: --rows takes a number of rows, not ${flags.rows}`);
  const sources = await orProblems(() => readSources(file));
  const written = sources && (await orProblems(async () => parseRunbook(sources)));
  if (!sources || !written) return;

  const troubles = (flags.fail ?? []).map((text) => troubleOf(written, text, (why) => command.error(`error: ${why}`)));
  const failing = troubles.flatMap(({ steps }) => steps.map(({ id }) => id));
  const twice = failing.find((id, at) => failing.indexOf(id) < at);
  if (twice !== undefined) command.error(`error: --fail: ${twice} is given more than once`);

  const report = await reportFolder(flags.report, `${written.document.id}-rehearsal`, command);

  forgetProduction();
  // A signal ends the rehearsal in order, from its first moment: the session leaves, then everything is taken down.
  const interrupted = interruption();
  const rehearsal = await startRehearsal({
    rows,
    keep: flags.keep ?? false,
    onProgress: (what) => print(`${what} …\n`),
    signal: interrupted.signal,
  }).catch((error: unknown) => {
    if (!interrupted.signal.aborted) throw error;
  });
  if (!rehearsal) {
    process.exitCode = INTERRUPTED;
    return;
  }
  try {
    const settings = { ...written.document.rehearsal.settings, ...rehearsal.settings };
    const runbook = parseRunbook(sources, { settings });
    const me = rehearser(runbook);
    const first = Math.min(...runbook.activities.map((activity) => activity.startsAt));
    const run = `${runbook.document.id}-rehearsal`;
    const archive = localArchive(rehearsal.folder);
    const opened = await openRun({ archive, runbook, run, by: me, settings, rehearsal: true, at: first });
    const interactive = process.stdin.isTTY && process.stdout.isTTY;
    const auto = flags.auto ?? !interactive;
    const { answers } = runbook.document.rehearsal;
    const approval = { choose: 'approve', as: runbook.document.rollback.approver };
    const chosen = chosenAnswers(troubles, me);
    const reason = reasonOf(troubles);
    const code = await attendRun({
      opened,
      folder: join(rehearsal.folder, run),
      runbook,
      me,
      role: null,
      env: { ...process.env, ...rehearsal.env },
      flags: failing.flatMap((id) => ['--fail', id]),
      report,
      rehearsal: true,
      plain: flags.plain ?? false,
      answers: auto ? { rollback: approval, ...answers, ...chosen } : chosen,
      ...(reason === undefined ? {} : { reason }),
      leaveOpen: auto,
      interruption: interrupted,
      onConductor: (pid) => rehearsal.conductedBy(pid),
    });
    const state = stateOf(await opened.journal.read(0));
    await opened.journal.close();
    for (const name of state ? neverFailed(troubles, state) : []) {
      print(`${name} did not fail: the run did not come to it, or left it out.\n`);
    }
    const { requests, errors } = rehearsal.traffic();
    print(`Report: ${join(report, 'report.md')}\n`);
    print(
      `${plural(rehearsal.mail().count, 'mail')} received; the application answered ${plural(requests, 'request')}, ${errors} with an error.\n`,
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
    .description(
      'rehearse a window: throwaway PostgreSQL, generated data, an application in use, real mail received; commands and requests of the runbook are really made, with rehearsal.settings',
    )
    .argument('[file]', 'the runbook', defaultRunbook())
    .option('--rows <n>', 'rows of the largest table', '20000')
    .option('--auto', "give the runbook's own rehearsal answers")
    .option('--keep', 'leave the folder with the database, the mails and the status page')
    .option('--plain', 'one line an event instead of the screen')
    .option(
      '--fail <step[=choice]>',
      'let a step fail once, and choose what follows; may be repeated. Without a choice it is yours to make; with --auto the rehearsal then ends there, with exit code 3',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option('--report <folder>', 'where the report goes', 'reports')
    .action(rehearse);
}
