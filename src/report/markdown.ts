import type { VerdictKind } from '../run/criteria.ts';
import { spell } from '../run/spell.ts';
import type { FailedAttempt } from './course.ts';
import { block, inline, moment, section, table } from './markup.ts';
import { decisions, evidence, proofs, signoffs } from './people.ts';
import { postMortem } from './post-mortem.ts';
import type { Report, Said } from './report.ts';
import { facts, steps, timeline } from './timeline.ts';

const OUTCOME = { done: 'Done', aborted: 'Aborted', 'rolled-back': 'Rolled back' } as const;

const VERDICT: Record<VerdictKind, string> = {
  met: '✓ met',
  'met-with-exceptions': '✓ met, with exceptions',
  'not-met': '✗ **not met**',
  'not-proved': '? not proved',
};

function heading(report: Report): string {
  const { title, run, rehearsal, outcome, target, window, openedAt, openedBy, asOf } = report;
  const standing = outcome ? `${OUTCOME[outcome.outcome]}: ${inline(outcome.why)}` : 'Not finished';
  const took =
    window.beganAt === null || window.endedAt === null ? '' : `, took ${spell(window.endedAt - window.beganAt)}`;
  const actual =
    window.beganAt === null
      ? 'not begun'
      : `${moment(window.beganAt)} UTC ${window.endedAt === null ? 'on; not ended' : `to ${moment(window.endedAt)} UTC`}${took}`;
  const where = target
    ? `${inline(target.where)}, database ${inline(target.database)} as ${inline(target.role)}, ` +
      `PostgreSQL ${inline(target.version)}, system ${inline(target.system)}, timeline ${target.timeline}`
    : 'never bound to a database';
  const rows = [
    ['Outcome', `**${standing}**`],
    ['Run', `${inline(run)}${rehearsal ? ', a rehearsal' : ''}`],
    ['Target', where],
    ['Window planned', `${moment(window.opens)} to ${moment(window.closes)} UTC`],
    ['Window actual', actual],
    ['Opened', `${moment(openedAt)} UTC by ${inline(openedBy.name)}`],
    ['As of', `${moment(asOf)} UTC`],
  ];
  return `# ${inline(title)}: what happened\n\n${table(['', ''], rows)}`;
}

function criteria({ criteria }: Report): string | undefined {
  const rows = criteria.map(({ says, verdict, proof }) => [
    inline(says),
    VERDICT[verdict],
    inline(proof.slice(0, 4).join(' · ')) + (proof.length > 4 ? ` · and ${proof.length - 4} more` : ''),
  ]);
  return section(2, 'Success criteria', rows.length === 0 ? undefined : table(['Criterion', 'Verdict', 'Proof'], rows));
}

function exceptions({ exceptions }: Report): string | undefined {
  const lines = exceptions.map(({ step, says }) => `- ${inline(step)}: ${inline(says)}`);
  return section(2, 'Exceptions by decision', lines.join('\n'));
}

function failure({ step, doing, attempt, at, failure }: FailedAttempt): string | undefined {
  const what = doing === 'undo' ? `Undoing ${inline(step)}` : `${inline(step)}, attempt ${attempt}`;
  const code = failure.code === undefined ? '' : ` (${inline(failure.code)})`;
  return section(
    3,
    `${moment(at)} ${what}`,
    `${inline(failure.name)}${code}`,
    block(failure.message),
    failure.advice === undefined ? undefined : `Advice: ${inline(failure.advice)}`,
  );
}

function messageRow({ message, sentAt, recipients, detail, attempts, failure }: Said): string[] {
  const to = message.channel === 'mail' ? (message.audience ?? '') : 'status page';
  const firstLine = message.subject ?? message.body.split('\n')[0] ?? '';
  const became = failure === null ? '**not sent yet**' : `**not sent**: ${inline(failure.message)}`;
  return [
    moment(message.dueAt),
    moment(sentAt),
    inline(to),
    inline(firstLine),
    message.channel === 'mail' ? String(recipients) : '',
    String(attempts),
    sentAt === null ? became : inline(detail),
  ];
}

function messages({ messages }: Report): string | undefined {
  const columns = ['Due', 'Sent', 'To', 'What', 'People', 'Attempts', 'What became of it'];
  const rows = messages.map(messageRow);
  return section(2, 'Messages', rows.length === 0 ? undefined : table(columns, rows, ['People', 'Attempts']));
}

function downtime({ watches }: Report): string | undefined {
  const columns = ['Watch', 'Asked', 'Failed', 'Away', 'p50', 'p99'];
  const rows = watches.map((each) => [
    inline(each.title),
    String(each.asked),
    String(each.failed),
    spell(each.downMs),
    spell(each.p50Ms),
    spell(each.p99Ms),
  ]);
  return section(2, 'Downtime', rows.length === 0 ? undefined : table(columns, rows, columns.slice(1)));
}

function risks({ risks }: Report): string | undefined {
  const tripwire = { none: 'no tripwire', quiet: 'not touched', tripped: '**tripped**' } as const;
  const rows = risks.map((risk) => [
    inline(risk.says),
    inline(risk.impact),
    inline(risk.probability),
    inline(risk.mitigation),
    tripwire[risk.tripwire],
  ]);
  const columns = ['Risk', 'Impact', 'Probability', 'Mitigation', 'Tripwire'];
  return section(2, 'Risks', rows.length === 0 ? undefined : table(columns, rows));
}

function rollback({ rollback, activities, outcome }: Report): string | undefined {
  if (!rollback) return undefined;
  const who = rollback.by ? ` by ${inline(rollback.by.name)}` : '';
  const titles = new Map(activities.flatMap(({ steps }) => steps.map(({ id, title }) => [id, title])));
  const undone = rollback.undone.map(({ step, at, workMs, what }) => [
    moment(at),
    inline(titles.get(step) ?? step),
    spell(workMs),
    inline(what),
  ]);
  const began = rollback.begunAt === null ? 'It was not approved.' : `It began at ${moment(rollback.begunAt)} UTC.`;
  const ended = outcome?.outcome === 'rolled-back' ? ` It was complete at ${moment(outcome.at)} UTC.` : '';
  return section(
    2,
    'Rollback',
    `Wanted at ${moment(rollback.wantedAt)} UTC${who}: ${inline(rollback.reason)}. ${began}${ended}`,
    undone.length === 0 ? undefined : table(['Undone', 'Step', 'Took', 'What was done'], undone, ['Took']),
  );
}

function course({ turns }: Report): string | undefined {
  return section(2, 'Course of the run', turns.map(({ at, what }) => `- ${moment(at)} ${inline(what)}`).join('\n'));
}

function sources({ runbook, journal }: Report): string | undefined {
  return section(
    2,
    'Made from',
    `- Journal: ${journal.records} records, head \`${journal.head}\`\n- Runbook: SHA-256 \`${runbook.hash}\``,
    table(
      ['File', 'SHA-256'],
      runbook.files.map(({ path, hash }) => [inline(path), `\`${hash}\``]),
    ),
  );
}

/** The report as Markdown, with the verdicts first. Pure; whatever came from outside stands in it as plain text. */
export function markdown(report: Report): string {
  const parts = [
    heading(report),
    criteria(report),
    exceptions(report),
    timeline(report),
    section(2, 'What went wrong', ...report.failures.map(failure)),
    rollback(report),
    decisions(report),
    signoffs(report),
    messages(report),
    downtime(report),
    risks(report),
    postMortem(report),
    steps(report),
    facts(report),
    proofs(report),
    evidence(report),
    course(report),
    sources(report),
  ];
  return `${parts.filter((part) => part !== undefined).join('\n\n')}\n`;
}
