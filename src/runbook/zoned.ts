const formats = new Map<string, Intl.DateTimeFormat>();

/**
 * A moment (ms since the epoch) as it is told at a place, in one English form wherever this process runs. Each format is made
 * once: ICU keeps tens of kB for one, which the garbage collector knows nothing of, and so is in no hurry to free.
 * @throws RangeError for a place that the system does not know
 */
export function zoned(ms: number, zone: string, format: Intl.DateTimeFormatOptions): string {
  const key = `${zone} ${JSON.stringify(format)}`;
  const known = formats.get(key) ?? new Intl.DateTimeFormat('en-GB', { ...format, timeZone: zone });
  formats.set(key, known);
  return known.format(ms);
}
