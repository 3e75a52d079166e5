import { zoned } from '../runbook/zoned.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

const two = (value: number) => String(value).padStart(2, '0');

/** `02:41:07`, in UTC, of ms since the epoch. */
export function utcTime(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}

/** `02:41`, in UTC, of ms since the epoch. */
export function utcMinute(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `8 Nov`, in UTC, of ms since the epoch. */
export function utcDay(at: number): string {
  const date = new Date(at);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

/** `03:41 Berlin`, the time at a place given by its IANA name; empty when the system does not know the place. */
export function placeTime(at: number, zone: string): string {
  try {
    const time = zoned(at, zone, { hour: '2-digit', minute: '2-digit' });
    return `${time} ${zone.split('/').at(-1)?.replaceAll('_', ' ') ?? zone}`;
  } catch {
    return '';
  }
}

/** A duration in ms to the second, its two largest parts: `480ms`, `7s`, `12m34s`, `3h19m`, `2d04h`. */
export function duration(ms: number): string {
  if (ms < 0) return `-${duration(-ms)}`;
  if (ms > 0 && ms < SECOND) return `${Math.round(ms)}ms`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m${two(Math.floor((ms % MINUTE) / SECOND))}s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)}h${two(Math.floor((ms % HOUR) / MINUTE))}m`;
  return `${Math.floor(ms / DAY)}d${two(Math.floor((ms % DAY) / HOUR))}h`;
}

/** A duration in ms to the minute, for what is planned: `45s`, `30m`, `3h19m`, `2h`, `2d`. */
export function roughly(ms: number): string {
  if (ms < 0) return `-${roughly(-ms)}`;
  if (ms < MINUTE) return `${Math.round(ms / SECOND)}s`;
  const minutes = Math.round(ms / MINUTE);
  if (minutes < 60) return `${minutes}m`;
  if (minutes < 2 * 24 * 60) return `${Math.floor(minutes / 60)}h${minutes % 60 ? `${two(minutes % 60)}m` : ''}`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)}d${hours % 24 ? `${two(hours % 24)}h` : ''}`;
}

/** `1,234,567` */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `940`, `61k`, `1.2M` */
export function short(value: number): string {
  if (value < 1_000) return String(Math.round(value));
  if (value < 10_000) return `${(value / 1_000).toFixed(1)}k`;
  if (value < 999_500) return `${Math.round(value / 1_000)}k`;
  return `${(value / 1_000_000).toFixed(1)}M`;
}

/** `3 rows`, `1 row` */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Share of `done` in `total`, 0 to 1. Nothing to do counts as done. */
export function share(done: number, total: number): number {
  return total <= 0 ? 1 : Math.min(1, Math.max(0, done / total));
}
