import type { JournalRecord, Person } from '../run/events.ts';
import type { Followed } from './followed.ts';
import { utcMinute } from './format.ts';
import { BLANK, type Line, line, span } from './lines.ts';
import { personName } from './narrate.ts';
import type { Screen } from './store.ts';

/** Somebody at a terminal, as `host:pid`. Moments are of the plan clock; `goneAt` is null while they are there. */
interface Company {
  terminal: string;
  by: Person;
  cameAt: number;
  goneAt: number | null;
  silent: boolean;
}

/** Everybody who is or was there, in the order in which they came last. */
function company(records: readonly JournalRecord[]): Company[] {
  const all = new Map<string, Company>();
  for (const { at, event } of records) {
    if (event.type === 'terminal-attached') {
      all.delete(event.terminal);
      all.set(event.terminal, { terminal: event.terminal, by: event.by, cameAt: at, goneAt: null, silent: false });
    } else if (event.type === 'terminal-left') {
      const came = all.get(event.terminal);
      if (came) all.set(event.terminal, { ...came, goneAt: at, silent: event.silent === true });
    }
  }
  return [...all.values()];
}

/** Who else is there: names, roles, terminals; and who was. */
export function companyLines({ records, runbook, state }: Followed, { terminal }: Screen): Line[] {
  const told = (each: Company): Line => {
    const gone = each.silent ? `silent, taken for gone at` : 'left at';
    const when = each.goneAt === null ? `since ${utcMinute(each.cameAt)}` : `${gone} ${utcMinute(each.goneAt)}`;
    return [
      span(`  ${personName(each.by, runbook)}`, each.goneAt === null ? 'plain' : 'quiet'),
      span(`  ${each.terminal}, ${when} UTC`, 'quiet'),
      span(each.terminal === terminal ? '  this terminal' : '', 'now'),
    ];
  };
  const all = company(records);
  const here = all.filter(({ goneAt }) => goneAt === null);
  const gone = all.filter(({ goneAt }) => goneAt !== null);
  const { conductor } = state;
  return [
    line('At their terminals', 'strong'),
    ...(here.length === 0 ? [line('  nobody', 'quiet')] : here.map(told)),
    BLANK,
    line('Gone', 'strong'),
    ...(gone.length === 0 ? [line('  nobody', 'quiet')] : gone.toReversed().map(told)),
    BLANK,
    line('Conductor', 'strong'),
    line(conductor === null ? '  none at work' : `  on ${conductor.host}, process ${conductor.pid}`, 'quiet'),
  ];
}
