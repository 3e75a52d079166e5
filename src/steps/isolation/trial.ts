import type { Evidence, Facts } from '../../run/events.ts';
import { ROW_COMMANDS, type RowCommand } from '../../runbook/target-steps.ts';

/**
 * What one try came to. `may` and `may not` are as they should be; `leak` is something that should have been out of reach,
 * `lost` something that should not; `unproved` has shown neither.
 */
export type Came = 'may' | 'may not' | 'leak' | 'lost' | 'unproved';

/** One try at one table, as one person. */
export interface Trial {
  table: string;
  actor: string;
  /** A command, or the name of an attack. */
  tried: string;
  came: Came;
  /** In words: what came of it, or why nothing could. */
  said: string;
  /** What kept it from being proved will have passed: it may well be with other people, or a moment later. */
  passing?: true;
}

/** What stands for the table of an attack that is about none of the list. */
export const BESIDES = '(besides)';

const MARKS: Record<Came, string> = { may: '✓', 'may not': '–', leak: 'LEAK', lost: 'LOST', unproved: '?' };
const WORST_FIRST: Came[] = ['leak', 'lost', 'unproved', 'may', 'may not'];

/** Sentences that stand in the message of a failure; the evidence holds them all. */
const NAMED = 5;

/** What all the trials come to. */
export interface Findings {
  leaks: string[];
  /** What people should reach and do not. */
  lost: string[];
  /** What could not be proved, and why. */
  unproved: string[];
  facts: Facts;
  /** The matrix, the attacks, and what is wrong in words, where something is. */
  evidence: Evidence[];
}

/**
 * Sums trials up: a row for each table, a column for each person, in each cell the four commands, and of what was tried of
 * them the worst.
 * @param actors in the order of the columns
 */
export function findings(trials: Trial[], actors: string[]): Findings {
  const commands = trials.filter(({ tried }) => isCommand(tried));
  const attacks = trials.filter(({ tried }) => !isCommand(tried));
  const cells = [...groups(commands, ({ table, actor, tried }) => [table, actor, tried])].map(worst);
  const counted = (came: Came) => cells.filter((each) => each === came).length;
  return {
    leaks: sentences(trials, 'leak'),
    lost: sentences(trials, 'lost'),
    unproved: sentences(trials, 'unproved'),
    facts: {
      cells: cells.length,
      proved: counted('may') + counted('may not'),
      leaks: counted('leak'),
      lost: counted('lost'),
      unproved: counted('unproved'),
      attacks: attacks.length,
      'attacks.refused': attacks.filter(({ came }) => came === 'may not').length,
    },
    evidence: [matrix(commands, actors), ...attackTable(attacks, actors), ...inWords(trials)],
  };
}

/** The first few sentences, and how many more there are. */
export function several(sentences: string[]): string {
  const more = sentences.length > NAMED ? `; and ${sentences.length - NAMED} more` : '';
  return sentences.slice(0, NAMED).join('; ') + more;
}

const isCommand = (tried: string): tried is RowCommand => ROW_COMMANDS.some((command) => command === tried);

function worst(trials: Trial[]): Came {
  return WORST_FIRST.find((came) => trials.some((each) => each.came === came)) ?? 'unproved';
}

function matrix(trials: Trial[], actors: string[]): Evidence {
  const rows = [...groups(trials, ({ table }) => [table])].map((here) => [
    here[0]?.table ?? '',
    ...actors.map((actor) => cell(here.filter((each) => each.actor === actor))),
  ]);
  return {
    kind: 'rows',
    title: `Who may ${ROW_COMMANDS.join(', ')}, in this order: ✓ may, – may not, ? not proved`,
    columns: ['table', ...actors],
    rows,
    more: 0,
  };
}

/** A mark for each command; short where all four are a word, so that a table in a bad way is still seen at a glance. */
function cell(trials: Trial[]): string {
  const marks = ROW_COMMANDS.map((command) => MARKS[worst(trials.filter(({ tried }) => tried === command))]);
  const [first = ''] = marks;
  return first.length > 1 && marks.every((each) => each === first) ? `${first} ×${marks.length}` : marks.join(' ');
}

/** A row for each attack: what came of it on all tables together. */
function attackTable(trials: Trial[], actors: string[]): Evidence[] {
  if (trials.length === 0) return [];
  const rows = [...groups(trials, ({ tried }) => [tried])].map((here) => [
    here[0]?.tried ?? '',
    ...actors.map((actor) => {
      const theirs = here.filter((each) => each.actor === actor);
      return theirs.length === 0 ? '' : MARKS[worst(theirs)];
    }),
  ]);
  return [{ kind: 'rows', title: 'Attacks: – came to nothing', columns: ['attack', ...actors], rows, more: 0 }];
}

function inWords(trials: Trial[]): Evidence[] {
  const wrong = trials
    .filter(({ came }) => came !== 'may' && came !== 'may not')
    .toSorted((a, b) => WORST_FIRST.indexOf(a.came) - WORST_FIRST.indexOf(b.came));
  if (wrong.length === 0) return [];
  const rows = [...groups(wrong, ({ table, came, said }) => [table, came, said])].map((group) => [
    group[0]?.table ?? '',
    MARKS[worst(group)],
    which(group),
    group[0]?.said ?? '',
  ]);
  return [{ kind: 'rows', title: 'What is not as it should be', columns: ['table', '', 'what', 'why'], rows, more: 0 }];
}

/** A sentence for each table and reason. */
function sentences(trials: Trial[], came: Came): string[] {
  const here = trials.filter((each) => each.came === came);
  return [...groups(here, ({ table, said }) => [table, said])].map(
    (group) => `${group[0]?.table}, ${which(group)}: ${group[0]?.said}`,
  );
}

/** What was tried and by whom: `select by owner, colleague; update by owner`. */
function which(group: Trial[]): string {
  return [...groups(group, ({ tried }) => [tried])]
    .map((each) => `${each[0]?.tried} by ${distinct(each.map(({ actor }) => actor)).join(', ')}`)
    .join('; ');
}

function groups(trials: Trial[], by: (trial: Trial) => string[]): Iterable<Trial[]> {
  return Map.groupBy(trials, (each) => JSON.stringify(by(each))).values();
}

const distinct = (values: string[]) => [...new Set(values)];
