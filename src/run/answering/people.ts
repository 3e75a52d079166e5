import type { Document } from '../../runbook/schema.ts';
import type { People } from '../events.ts';

/**
 * The people of a document, as the journal keeps them.
 * @param author who made the last change to it, where that is known
 */
export function peopleOf({ roles, approvals }: Document, author: string | undefined): People {
  const signers: Record<string, string[]> = {};
  for (const { name, keys = [] } of Object.values(roles).flatMap(({ people }) => people)) {
    if (keys.length > 0) signers[name] = [...new Set([...(signers[name] ?? []), ...keys])];
  }
  return {
    people: Object.fromEntries(
      Object.entries(roles).map(([role, { people }]) => [role, people.map(({ name }) => name)]),
    ),
    signers,
    together: approvals.one_person_may_fill,
    ...(author === undefined ? {} : { author }),
  };
}

const plain = (name: string) => name.normalize('NFC').trim().replace(/\s+/g, ' ').toLowerCase();

/** Whether two names are the same to a person: capitals, and how much room is between the words, make no other of them. */
export const sameName = (one: string, other: string): boolean => plain(one) === plain(other);
