import { bound, refusal } from '../run/answering/answers.ts';
import { keysOf, unsigned } from '../run/answering/proof.ts';
import { type Person, type Prompt, type RunEvent, WATCHER } from '../run/events.ts';
import type { RunState } from '../run/state.ts';
import type { Runbook } from '../runbook/plan.ts';
import { command, type Place, placeOf } from './commands.ts';
import { evidenceLines } from './evidence-lines.ts';
import type { Followed } from './followed.ts';
import type { Following } from './following.ts';
import { plural } from './format.ts';
import { inert } from './inert.ts';
import { lineText } from './lines.ts';
import { staffed } from './staffing.ts';
import { openPrompts } from './view.ts';

/** Evidence in a log is for the eye to follow, not the whole of it. */
const EVIDENCE_LINES = 30;
const CELLS = 110;

/** How a question can be answered here: by typing, or elsewhere only. */
export interface Means {
  typing: boolean;
  at: Place;
}

function howTo({ id, who, signed }: Prompt, { typing, at }: Means): string {
  const as = ['--as', who.length === 1 ? (who[0] ?? '') : 'ROLE'];
  const answer = command(at, 'answer', '--prompt', id, '--choose', 'CHOICE', ...as);
  const attach = command(at, 'attach', ...as);
  if (signed) return `signed with an SSH key: run ${attach}, or ${answer}.`;
  if (!typing) return `run ${attach} in a terminal, or ${answer}.`;
  return `type \`[as ${who.length > 0 ? who.join('|') : 'ROLE'}] CHOICE [REASON]\`.`;
}

/** A question as it is printed: what is asked, on what evidence, what can be answered, by whom, and how. */
export function promptText(prompt: Prompt, runbook: Runbook, means: Means): string {
  const roles = prompt.who.map((role) => runbook.document.roles[role]?.title ?? role).join(' or ');
  const evidence = evidenceLines(prompt.evidence, CELLS - 4, 'cut');
  const cut = evidence.length - EVIDENCE_LINES;
  const whole = means.typing ? 'type `evidence` to see it all' : 'all of it is in the screen and the report';
  return [
    `? ${inert(prompt.question)}`,
    ...(prompt.items ?? []).map((item) => `    [ ] ${inert(item)}`),
    ...evidence.slice(0, EVIDENCE_LINES).map((line) => `    ${lineText(line)}`),
    ...(cut > 0 ? [`    … ${plural(cut, 'more line')}; ${whole}`] : []),
    ...prompt.options.map((option) => {
      const reason = option.reason ? ' REASON' : '';
      const proposed = prompt.proposal === option.choose ? ' (the run proposes this)' : '';
      return `  ${inert(option.choose)}${reason}: ${inert(option.says)}${proposed}`;
    }),
    `  For ${roles === '' ? 'anyone with a role' : inert(roles)} to answer: ${howTo(prompt, means)}`,
  ].join('\n');
}

const REQUESTS = ['pause', 'resume', 'faster', 'slower', 'workers', 'stop', 'roll-back'] as const;

const HELP = [
  '  Enter alone repeats what is asked; `evidence` shows all that there is to look at.',
  '  `[as ROLE] CHOICE [REASON]` answers; with the name of the question before CHOICE when several are open.',
  '  `pause` after the step at work (a backfill after its batches), `resume`, `stop`, `roll-back REASON` are asked for at any time.',
  '  `detach` ends this terminal and not the run, but for a rehearsal that was started here.',
  '  `faster`, `slower`, `workers N` are for a backfill at work.',
].join('\n');

/** Who answers when a line says `as ROLE`: the person at the terminal if the role is theirs, else the one it names. */
function personFor(role: string, me: Person, state: RunState): Person {
  const names = state.people[role] ?? [];
  return { role, name: names.length === 0 || names.includes(me.name) ? me.name : (names[0] ?? me.name) };
}

/** What a typed line comes to: something for the journal, or something to say about it. Inert. */
export type Meant = { event: RunEvent } | { says: string } | { leave: true };

const says = (text: string): Meant => ({ says: `  ${inert(text)}` });

function answer(prompt: Prompt, rest: string, by: Person, from: string, state: RunState, at: Place): Meant {
  const [, choose = '', reason = ''] = /^(\S*)\s*(.*)$/.exec(rest) ?? [];
  const { id, round } = prompt;
  const answer = bound(state, {
    prompt: id,
    round,
    choose,
    ...(reason === '' ? {} : { reason }),
    by,
    proof: 'named',
    from,
  });
  const refused = refusal(state, answer);
  if (refused !== null) return says(refused);
  const unproved = unsigned(state, answer);
  if (unproved === null) return { event: { type: 'prompt-answered', answer } };
  if (keysOf(state, by.name).length === 0) return says(unproved);
  const why = reason === '' ? [] : ['--reason', reason];
  const sign = command(at, 'answer', '--prompt', id, '--choose', choose, ...why, '--as', by.role, '--name', by.name);
  return says(`${unproved} Sign it in another terminal: ${sign}.`);
}

function looked(word: string, { runbook, state }: Followed, at: Place): Meant {
  const open = openPrompts(state);
  if (open.length === 0) return says('Nothing is asked.');
  const shown = open.flatMap((prompt) =>
    word === ''
      ? [promptText(prompt, runbook, { typing: true, at })]
      : [
          `  ${inert(prompt.question)}`,
          ...evidenceLines(prompt.evidence, CELLS - 4, 'whole').map((each) => `    ${lineText(each)}`),
        ],
  );
  return { says: shown.join('\n') };
}

/** What a typed line means: an answer, a request, a question about what is asked, or why it is nothing of these. */
export function understood(
  text: string,
  { me, role: only, terminal, journal }: Pick<Following, 'me' | 'role' | 'terminal' | 'journal'>,
  followed: Followed,
): Meant {
  const { state } = followed;
  const at = placeOf(state, journal);
  const [, role, rest = ''] = /^(?:as\s+(\S+)\s+)?(.*)$/.exec(text.trim()) ?? [];
  const by = role === undefined ? me : personFor(role, me, state);
  const [, word = '', more = ''] = /^(\S*)\s*(.*)$/.exec(rest) ?? [];
  if (word === '' || word === 'evidence') return looked(word, followed, at);
  if (word === 'help' || word === '?') return { says: HELP };

  if (role !== undefined && only !== null && role !== only) {
    return says(
      `This terminal answers as ${only}; for ${role}, ${command(at, 'attach', '--as', role)} in another one.`,
    );
  }
  if (by.role === WATCHER && word !== 'detach') {
    return says(`You only watch. ${command(at, 'attach', '--as', 'ROLE')} answers, and asks things of the run.`);
  }

  const open = openPrompts(state);
  const named = open.find((each) => each.id === word);
  if (named) return answer(named, more, by, terminal, state, at);
  const [fits, ...others] = open.filter((each) => each.options.some((option) => option.choose === word));
  if (fits && others.length > 0) {
    const both = [fits, ...others].map((each) => `\`${each.id} ${word}\``);
    return says(`More than one question is open; say which is meant: ${both.join(' or ')}.`);
  }
  if (fits) return answer(fits, rest, by, terminal, state, at);

  if (word === 'detach') return { leave: true };
  const request = REQUESTS.find((each) => each === word);
  if (!request) {
    const choices = open.flatMap((each) => each.options.map((option) => option.choose));
    const asked =
      choices.length > 0 ? `an answer to what is asked (${choices.join(', ')})` : 'an answer, for nothing is asked';
    return says(`“${word}” is neither ${asked} nor one of ${REQUESTS.join(', ')}, detach, evidence, help.`);
  }
  if (request === 'workers') {
    const asked = staffed(followed, by, () => Number(more));
    return typeof asked === 'string' ? says(asked) : { event: asked };
  }
  if (request === 'roll-back' && more === '') return says('roll-back needs a reason: `roll-back REASON`.');
  return { event: { type: 'requested', request, by, ...(more === '' ? {} : { reason: more }) } };
}
