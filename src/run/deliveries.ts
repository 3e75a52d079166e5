import type { OutgoingMessage, RunEvent } from './events.ts';
import type { Outbox, Outlook } from './outbox.ts';
import type { RunState } from './state.ts';

/** What a run's messages need of the conductor. */
export interface Mailroom {
  outbox: Outbox;
  state(): RunState;
  outlook(): Outlook;
  now(): number;
  log(events: RunEvent[]): Promise<void>;
}

/** Sends what is owed beside the steps, several at a time; a step never waits for it. */
export class Postman {
  readonly #room: Mailroom;
  readonly #atWork = new Map<string, Promise<void>>();
  #turn: Promise<void> = Promise.resolve();
  /** What kept the outcome of a delivery from being put on record. */
  #trouble: { error: unknown } | null = null;

  constructor(room: Mailroom) {
    this.#room = room;
  }

  /**
   * Puts newly due messages on record and sends whatever is owed and not under way. One round at a time: each is owed once.
   * @param again also what is to be tried later, or was given up
   * @throws what keeps the journal from being written, now or when a delivery since the last round had ended
   */
  round({ again = false } = {}): Promise<void> {
    const round = this.#turn.then(() => this.#round(again));
    this.#turn = round.catch(() => undefined);
    return round;
  }

  async #round(again: boolean): Promise<void> {
    if (this.#trouble) throw this.#trouble.error;
    const { outbox, state, outlook, now, log } = this.#room;
    const due = outbox.due(state(), outlook(), now());
    if (due.length > 0) await log(due.map((message) => ({ type: 'message-owed', message })));
    for (const { message, sentAt, attempts, retryAt } of Object.values(state().messages)) {
      const wanted = sentAt === null && (again || attempts === 0 || (retryAt !== null && retryAt <= now()));
      if (!wanted || this.#atWork.has(message.id)) continue;
      const delivery = this.#deliver(message, attempts + 1)
        .catch((error) => {
          this.#trouble = { error };
        })
        .finally(() => this.#atWork.delete(message.id));
      this.#atWork.set(message.id, delivery);
    }
  }

  async #deliver(message: OutgoingMessage, attempt: number): Promise<void> {
    const { outbox, state, now, log } = this.#room;
    try {
      const { recipients, detail } = await outbox.deliver(message, state());
      await log([{ type: 'message-sent', id: message.id, recipients, detail }]);
    } catch (error) {
      const { failure, retryInMs } = outbox.explain(error, attempt);
      const retryAt = retryInMs === null ? null : now() + retryInMs;
      await log([{ type: 'message-failed', id: message.id, failure, retryAt }]);
    }
  }

  /** Resolves when nothing is under way any more. @throws what kept the outcome of a delivery from being put on record */
  async settled(): Promise<void> {
    await Promise.all(this.#atWork.values());
    if (this.#trouble) throw this.#trouble.error;
  }
}
