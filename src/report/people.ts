import { PROOF_WORDS } from '../run/answering/proof.ts';
import type { Evidence } from '../run/events.ts';
import { spell } from '../run/spell.ts';
import type { Asked } from './course.ts';
import { block, inline, moment, section, table } from './markup.ts';
import type { Report } from './report.ts';

const MOST_ROWS = 20;

function answerRows(asked: Asked): string[][] {
  const question = inline(asked.question);
  if (asked.answers.length === 0) {
    const open = asked.waitedMs === null ? '*not answered*' : '*no longer asked*';
    return [[moment(asked.askedAt), question, open, inline(asked.who.join(', ')), '', '', '']];
  }
  return asked.answers.map((answer) => [
    moment(answer.at),
    question,
    answer.refused === null
      ? `**${inline(answer.choose)}**${asked.superseded === null ? '' : `, no longer counts: ${inline(asked.superseded)}`}`
      : `${inline(answer.choose)}, refused: ${inline(answer.refused)}`,
    `${inline(answer.by.name)}, ${inline(answer.by.role)}`,
    inline(answer.reason ?? ''),
    `${PROOF_WORDS[answer.proof]}, ${inline(answer.from)}`,
    asked.waitedMs === null ? '' : spell(asked.waitedMs),
  ]);
}

const COLUMNS = ['When', 'Question', 'Answer', 'Who', 'Why', 'How proved, from where', 'Waited'];

function answers(title: string, asked: Asked[]): string | undefined {
  return section(2, title, asked.length === 0 ? undefined : table(COLUMNS, asked.flatMap(answerRows), ['Waited']));
}

/** Questions that were decided, checklists included, in the order they were asked. */
export function decisions({ asked }: Report): string | undefined {
  return answers(
    'Decisions',
    asked.filter(({ kind }) => kind !== 'signoff'),
  );
}

/** Who signed what, before the work and after it, and where a person said otherwise than the run proposed. */
export function signoffs({ asked }: Report): string | undefined {
  const signed = asked.filter(({ kind }) => kind === 'signoff');
  const overruled = signed.flatMap(({ question, proposal, answers }) => {
    const said = answers.find(({ refused }) => refused === null);
    if (proposal === null || !said || said.choose === proposal) return [];
    return [
      `- ${inline(question)}: the run proposed “${inline(proposal)}”, ${inline(said.by.name)} said “${inline(said.choose)}”, ${PROOF_WORDS[said.proof]}.`,
    ];
  });
  const before = answers(
    'Sign-off before execution',
    signed.filter(({ phase }) => phase === 'prepare'),
  );
  const after = answers(
    'Sign-off after execution',
    signed.filter(({ phase }) => phase !== 'prepare'),
  );
  return [before, after, overruled.join('\n')].filter((part) => part).join('\n\n') || undefined;
}

function evidenceText(evidence: Evidence): string {
  const title = `*${inline(evidence.title)}*`;
  if (evidence.kind === 'text') return `${title}\n\n${block(evidence.text)}`;
  if (evidence.rows.length === 0) return `${title}: no rows`;
  const rows = evidence.rows.slice(0, MOST_ROWS).map((row) => row.map(inline));
  const more = evidence.more + Math.max(0, evidence.rows.length - MOST_ROWS);
  return `${title}\n\n${table(evidence.columns.map(inline), rows)}${more > 0 ? `\n\n… and ${more} more` : ''}`;
}

/** What people saw when they decided. */
export function evidence({ asked }: Report): string | undefined {
  return section(
    2,
    'Evidence',
    ...asked.map((each) =>
      section(3, `${inline(each.question)} (${moment(each.askedAt)})`, ...each.evidence.map(evidenceText)),
    ),
  );
}

/** What the steps showed that the success criteria rest on. */
export function proofs({ proofs }: Report): string | undefined {
  return section(
    2,
    'Proofs',
    ...proofs.map(({ step, evidence }) => section(3, inline(step), ...evidence.map(evidenceText))),
  );
}
