import type { Document } from '../runbook/schema.ts';
import type { RunEvent } from './events.ts';

/** Who may answer what, and by which keys they are known, as the journal keeps it: so that it judges answers by itself. */
export type People = Required<Pick<Extract<RunEvent, { type: 'run-opened' }>, 'people' | 'signers'>>;

/** The people of a document. */
export function peopleOf({ roles }: Document): People {
  const signers: Record<string, string[]> = {};
  for (const { name, keys = [] } of Object.values(roles).flatMap(({ people }) => people)) {
    if (keys.length > 0) signers[name] = [...new Set([...(signers[name] ?? []), ...keys])];
  }
  return {
    people: Object.fromEntries(
      Object.entries(roles).map(([role, { people }]) => [role, people.map(({ name }) => name)]),
    ),
    signers,
  };
}
