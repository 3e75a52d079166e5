import { hostname } from 'node:os';
import { isAlive, sameBoot } from '../process.ts';
import type { Lease } from './journal.ts';

/** A holder that has not renewed its lease for this long may be taken over from, in ms. */
export const LAPSE = 30_000;

/**
 * How a lease stands. `free`: given back, or its holder has certainly ended. `silent`: the holder has not been heard of for
 * the lapse; it may be cut off, or stopped, and whether another may go on in its place is for a person to say.
 */
export type Standing = 'free' | 'held' | 'silent';

/** @param unrenewedMs since it was last renewed, by the clock of the journal */
export function standing(lease: Lease & { released: boolean }, unrenewedMs: number): Standing {
  if (lease.released) return 'free';
  const heard = unrenewedMs < LAPSE ? 'held' : 'silent';
  if (lease.host !== hostname() || isAlive(lease)) return heard;
  // Of another boot: this machine was started anew, unless another machine goes by the same name, and renews its lease.
  return sameBoot(lease) || heard === 'silent' ? 'free' : 'held';
}

/** Whether a lease in this standing keeps another from conducting. @param takeOver a person has said so */
export const keepsOut = (how: Standing, takeOver: boolean): boolean =>
  how === 'held' || (how === 'silent' && !takeOver);
