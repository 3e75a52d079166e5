import { zoned } from '../runbook/zoned.ts';

const MINUTE = 60_000;

const dateOf = (ms: number, zone: string) => zoned(ms, zone, { day: 'numeric', month: 'long', year: 'numeric' });
const timeOf = (ms: number, zone: string) => zoned(ms, zone, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

/** A day such as `10 November 2025`, in UTC. `ms` since the epoch. */
export function day(ms: number): string {
  return dateOf(ms, 'UTC');
}

/** `Berlin` of `Europe/Berlin`. */
const placeOf = (zone: string) => zone.split('/').at(-1)?.replaceAll('_', ' ') ?? zone;

/**
 * A time such as `02:00 UTC (03:00 in Berlin, 21:00 on 9 November in New York)`: with its day wherever that is not the day
 * the reader was told.
 * @param told the moment, ms since the epoch, whose UTC day the reader knows
 */
export function time(ms: number, zones: readonly string[], told: number): string {
  const at = (zone: string) => {
    const other = dateOf(ms, zone) !== day(told);
    return `${timeOf(ms, zone)}${other ? ` on ${zoned(ms, zone, { day: 'numeric', month: 'long' })}` : ''}`;
  };
  const places = zones.filter((zone) => zone !== 'UTC').map((zone) => `${at(zone)} in ${placeOf(zone)}`);
  return `${at('UTC')} UTC${places.length === 0 ? '' : ` (${places.join(', ')})`}`;
}

/** The hours of a window in UTC, short enough for a subject: `02:00-06:00 UTC`. */
export function hours(from: number, to: number): string {
  return `${timeOf(from, 'UTC')}-${timeOf(to, 'UTC')} UTC`;
}

/** A span such as `4 hours` or `1 hour 30 minutes`, to the minute. */
export function span(ms: number): string {
  const minutes = Math.round(ms / MINUTE);
  const counted = (count: number, unit: string) => (count === 0 ? [] : [`${count} ${unit}${count === 1 ? '' : 's'}`]);
  const words = [...counted(Math.floor(minutes / 60), 'hour'), ...counted(minutes % 60, 'minute')];
  return words.join(' ') || '0 minutes';
}

/** The next multiple of five minutes: as exact as a forecast told to the public should sound. */
export function roundUp(ms: number): number {
  return Math.ceil(ms / (5 * MINUTE)) * 5 * MINUTE;
}
