import * as z from 'zod';
import { shown } from './shown.ts';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const WHOLE = /^(?:0|(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+)$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g;

/**
 * Milliseconds in a duration such as `30m`, `1h30m`, `250ms` or `2w`; undefined when it is not one.
 */
export function parseDuration(text: string): number | undefined {
  if (!WHOLE.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(PART)) total += Number(amount) * UNITS[unit as keyof typeof UNITS];
  return Math.round(total);
}

/** Longer than any window with what surrounds it; all moments stay within what a calendar can show. */
const LONGEST = 366 * UNITS.d;

/** What is said of a value that is there and not of this form, also when it is not even text. */
const otherwise = (words: string) => ({
  error: ({ code, input }: z.core.$ZodRawIssue) => {
    if (input === undefined) return undefined;
    return code === 'invalid_type' ? `${shown(input)} ${words}` : words;
  },
});

const DURATION = 'is not a duration; write it like 30m, 1h30m, 45s or 250ms';
const writtenDuration = z
  .string(otherwise(DURATION))
  .regex(WHOLE, DURATION)
  .refine((text) => (parseDuration(text) ?? 0) <= LONGEST, 'is longer than a year');
const milliseconds = (text: string): number => parseDuration(text) ?? 0;
const aDuration = { description: 'A duration: 30m, 1h30m, 45s, 250ms' };

/** A duration as written (`30m`, `1h30m`), read as milliseconds. */
export const duration = writtenDuration.transform(milliseconds).meta(aDuration);

/** A duration that cannot be nothing: a limit, or a pause between two goes. */
export const someTime = writtenDuration
  .refine((text) => parseDuration(text) !== 0, 'must be longer than 0')
  .transform(milliseconds)
  .meta(aDuration);

const RATES = { kB: 1_024, MB: 1_048_576, GB: 1_073_741_824 } as const;
const RATE = /^(\d+(?:\.\d+)?)(kB|MB|GB)\/s$/;
const NO_RATE = 'is not a rate; write it like 64MB/s';

/** An amount of data a second as written (`64MB/s`, units as PostgreSQL's), read as bytes a second. */
export const byteRate = z
  .string(otherwise(NO_RATE))
  .regex(RATE, NO_RATE)
  .transform((text) => {
    const [, amount, unit] = RATE.exec(text) ?? [];
    return Number(amount) * RATES[unit as keyof typeof RATES];
  })
  .meta({ description: 'Data a second: 64MB/s, 500kB/s' });

/** A moment with its offset (`2025-11-10T02:00:00Z`), read as milliseconds since the epoch. */
export const instant = z.iso
  .datetime({
    offset: true,
    ...otherwise('is not a moment in time; write it with its offset, like 2025-11-10T02:00:00Z'),
  })
  .transform((text) => Date.parse(text));

/** A name that other parts of the runbook refer to. */
export const id = z
  .string()
  .regex(/^[a-z][a-z0-9-]*$/, 'is not an id; use small letters, digits and dashes, starting with a letter')
  // The one word of this form that every object of JavaScript has already: looked up by it, what is not there would be.
  .refine((word) => word !== 'constructor', 'cannot be an id; choose another word');

const PLANNED = 'is not a planned time; write "02:30" (UTC), -48h (before the opening) or +24h (after the close)';

/** When an activity is planned: a time of the window's first day in UTC (`02:30`), or an offset from its opening or closing. */
export const plannedAt = z
  .string(otherwise(PLANNED))
  .regex(/^(?:([01]\d|2[0-3]):[0-5]\d|[-+](?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+)$/, PLANNED)
  .refine((at) => (parseDuration(at.slice(1)) ?? 0) <= LONGEST, 'is more than a year away');

/** A file named by the runbook, relative to the YAML file. */
export const file = z.string().min(1);

/** Text that may hold `{{placeholders}}`. */
export const text = z.string().min(1);
