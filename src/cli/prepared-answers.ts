import { bound } from '../run/answering/answers.ts';
import type { JournalRecord, Person, Prompt, RunEvent } from '../run/events.ts';
import { fold } from '../run/fold/fold.ts';
import { follow } from '../run/journal/follow.ts';
import type { Journal } from '../run/journal/journal.ts';
import type { RunState } from '../run/state.ts';
import type { RehearsalAnswer } from '../runbook/schema.ts';
import { TERMINAL } from './terminal.ts';

export interface Answering {
  journal: Journal;
  answers: Record<string, RehearsalAnswer>;
  /** Given where an answer needs a reason and has none of its own. */
  reason?: string;
  proof: 'named' | 'rehearsal';
  /** What to do about a question that has no answer here: leave it to a person, or have the conductor leave. */
  otherwise: 'leave-it' | 'stop';
  by: Person;
  signal: AbortSignal;
}

/** Whoever a rehearsal has approve something: of that role if it can be, and nobody who may not. */
function second(people: RunState['people'], as: string, { notBy = [] }: Prompt): Person {
  const others = Object.entries(people).flatMap(([role, names]) =>
    names.filter((name) => notBy.every((each) => each.name !== name)).map((name) => ({ role, name })),
  );
  const anybody = people[as]?.length ? others[0] : undefined;
  return others.find(({ role }) => role === as) ?? anybody ?? { role: as, name: 'Second person' };
}

/** A prepared answer could not be put on record: its question waits for a person. */
export class AnswerNotKept extends Error {
  constructor(what: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`${what} is not on record, and this terminal has left the run: ${why}`, { cause });
    this.name = 'AnswerNotKept';
  }
}

/** A question that is asked this often with the same answer given is left to a person: the answer does not help. */
const MOST_ROUNDS = 10;

/**
 * Gives prepared answers to the questions of a run as they come up, as another terminal beside the one that shows it.
 * @throws AnswerNotKept
 */
export async function answerPrepared({
  journal,
  answers,
  reason,
  proof,
  otherwise,
  by,
  signal,
}: Answering): Promise<void> {
  let state: RunState | null = null;
  let stopped = false;
  let token: number | undefined;
  const tried = new Set<string>();
  const failed = new AbortController();
  const appends: Promise<unknown>[] = [];
  const append = (what: string, now: number, event: RunEvent) => {
    const kept = journal.append('terminal', now, [event]);
    appends.push(kept.catch((error) => failed.abort(new AnswerNotKept(what, error))));
  };
  const onRecords = (records: JournalRecord[]) => {
    for (const record of records) state = fold(state, record);
    const { prompts, people, aheadMs, conductor, proposed } = state as unknown as RunState;
    // What a conductor was asked before it was there, it does not know of: each is asked anew.
    if (conductor === null) return;
    if (conductor.token !== token) {
      token = conductor.token;
      stopped = false;
      tried.clear();
    }
    const now = Date.now() + aheadMs;
    const open = prompts.filter(({ settled, closedAt }) => settled === null && closedAt === null);
    // A changed runbook is about to be asked about, whatever else is.
    const toCome = proposed !== null && !open.some(({ prompt }) => prompt.kind === 'change');
    for (const { prompt, answers: past } of open) {
      // Somebody has answered; the conductor has yet to act on it.
      if (past.some(({ refused }) => refused === null)) continue;
      const round = `${prompt.id}#${prompt.round}`;
      const refused = past.some(({ answer, refused }) => refused !== null && answer.from === TERMINAL);
      if (tried.has(round) && !refused) continue;
      tried.add(round);
      const given = prompt.round <= MOST_ROUNDS && !refused ? answers[prompt.id] : undefined;
      if (given) {
        const needed = prompt.options.some(({ choose, reason }) => choose === given.choose && reason);
        const why = given.reason ?? (needed ? reason : undefined);
        const person = { role: given.as, name: people[given.as]?.[0] ?? by.name };
        const answer = bound(state as unknown as RunState, {
          prompt: prompt.id,
          round: prompt.round,
          choose: given.choose,
          ...(why === undefined ? {} : { reason: why }),
          by: prompt.notBy && proof === 'rehearsal' ? second(people, given.as, prompt) : person,
          proof,
          from: TERMINAL,
        });
        append(`The prepared answer to ${prompt.id}`, now, { type: 'prompt-answered', answer });
      } else if (otherwise === 'stop' && !stopped && !toCome) {
        stopped = true;
        append('That the run is to stop here', now, { type: 'requested', request: 'stop-unanswered', by });
      }
    }
  };
  await follow(journal, { signal: AbortSignal.any([signal, failed.signal]), onRecords });
  await Promise.all(appends);
  failed.signal.throwIfAborted();
}
