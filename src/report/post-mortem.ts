import { spell } from '../run/spell.ts';
import { inline, moment, section } from './markup.ts';
import type { Report } from './report.ts';

const TO_WRITE = '*To be written together.*';
const list = (lines: string[]) => (lines.length === 0 ? undefined : lines.map((line) => `- ${line}`).join('\n'));

function impact({ watches, messages, window }: Report): string[] {
  const took = window.beganAt === null || window.endedAt === null ? null : window.endedAt - window.beganAt;
  const mails = messages.filter(({ message }) => message.channel === 'mail');
  return [
    took === null ? 'The window’s work has not ended.' : `The window’s work took ${spell(took)}.`,
    ...watches.map((each) => `${inline(each.title)}: away for ${spell(each.downMs)}, ${each.failed} failed requests.`),
    `Of ${mails.length} mails that were due, ${mails.filter(({ sentAt }) => sentAt !== null).length} went out.`,
  ];
}

function wentWell({ activities, criteria }: Report): string[] {
  const met = criteria.filter(({ verdict }) => verdict === 'met').length;
  const nearly = criteria.filter(({ verdict }) => verdict === 'met-with-exceptions').length;
  const inTime = activities.filter(({ overMs, phase }) => phase === 'window' && overMs !== null && overMs <= 0);
  return [
    ...(criteria.length > 0
      ? [
          `${met} of ${criteria.length} success criteria were met${nearly > 0 ? `, ${nearly} more with exceptions` : ''}.`,
        ]
      : []),
    ...(inTime.length > 0 ? [`Within their estimate: ${inTime.map(({ title }) => inline(title)).join(', ')}.`] : []),
  ];
}

function wentOtherwise({ activities, failures, criteria, exceptions, rollback, messages }: Report): string[] {
  const long = activities.filter(({ overMs }) => (overMs ?? 0) > 0);
  const unsent = messages.filter(({ sentAt }) => sentAt === null);
  return [
    ...failures.map(
      ({ step, at, doing }) => `${moment(at)}: ${doing === 'undo' ? 'undoing ' : ''}${inline(step)} failed.`,
    ),
    ...long.map(({ title, overMs }) => `${inline(title)} took ${spell(overMs ?? 0)} longer than estimated.`),
    ...criteria
      .filter(({ verdict }) => verdict === 'not-met' || verdict === 'not-proved')
      .map(({ says, verdict }) => `${inline(says)}: ${verdict === 'not-met' ? 'not met' : 'not proved'}.`),
    ...exceptions.map(({ step, says }) => `Exception at ${inline(step)}: ${inline(says)}.`),
    ...(rollback === null
      ? []
      : [`A rollback was wanted at ${moment(rollback.wantedAt)}: ${inline(rollback.reason)}.`]),
    ...unsent.map(({ message }) => `The message ${inline(message.message)} did not go out.`),
  ];
}

/**
 * The skeleton of the meeting afterwards, filled in with what the run knows. It speaks of steps and of the system, not of
 * who was at the keyboard: people acted well on what they saw, and the question is what they were shown.
 */
export function postMortem(report: Report): string | undefined {
  const otherwise = wentOtherwise(report);
  return section(
    2,
    'Post-mortem',
    'Blameless: what the system did and showed, and what would have helped.',
    section(3, 'Impact', list(impact(report))),
    section(3, 'What went well', list(wentWell(report)), TO_WRITE),
    section(3, 'What went otherwise', list(otherwise) ?? 'Nothing that the run knows of.', TO_WRITE),
    section(3, 'Where we were lucky', TO_WRITE),
    section(3, 'What we change', list(['*what, who, until when*'])),
  );
}
