import { hostname } from 'node:os';
import type { Lease } from './journal.ts';
import { isAlive } from './process.ts';

/** A holder on another machine is taken for dead when it has not renewed its lease for this long, in ms. */
const LAPSE = 30_000;

/** Whether who had the lease has it still. @param unrenewedMs since it was last renewed, by the clock of the journal */
export function isHeld(lease: Lease & { released: boolean }, unrenewedMs: number): boolean {
  if (lease.released) return false;
  return lease.host === hostname() ? isAlive(lease) : unrenewedMs < LAPSE;
}
