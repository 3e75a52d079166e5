/** Added to a sample's id in the journal: the request failed, or the query broke. */
export const BROKEN = '.broken';
/** Added to a sample's id in the journal: what the query answered is no number, as when it may not look. */
export const UNKNOWN = '.unknown';

/** How much a sample may be at most; null: anything. With `times`, also that many times its own first value. */
export interface Limit {
  id: string;
  atMost: number | null;
  times: number | null;
  orMs: number;
}

/** What all the values of one sample come to. `breaches` counts those over the limit and the broken ones. */
export interface Verdict {
  id: string;
  values: number;
  worst: number;
  atMost: number | null;
  breaches: number;
  broken: number;
  unknown: number;
}

/** Holds what was seen against the limits. A number that is not there is never within its limit. */
export function judge(limits: Limit[], seen: { values: Record<string, number> }[]): Verdict[] {
  return limits.map(({ id, atMost, times, orMs }) => {
    const count = (key: string) => seen.filter(({ values }) => values[key] !== undefined).length;
    const values = seen.flatMap(({ values }) => values[id] ?? []);
    const first = values[0];
    const ofFirst = times === null || first === undefined ? null : Math.max(first * times, orMs);
    const limit = atMost === null || ofFirst === null ? (atMost ?? ofFirst) : Math.min(atMost, ofFirst);
    const over = limit === null ? 0 : values.filter((value) => value > limit).length;
    return {
      id,
      values: values.length,
      worst: Math.max(...values),
      atMost: limit,
      breaches: over + count(id + BROKEN),
      broken: count(id + BROKEN),
      unknown: count(id + UNKNOWN),
    };
  });
}
