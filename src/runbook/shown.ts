/** Text from the document as one short line, cut at 40 characters. */
export function brief(text: string): string {
  const line = text.replace(/\r?\n/g, '\\n');
  return line.length > 40 ? `${line.slice(0, 39)}…` : line;
}

/** What a value of the document is, as a person would say it. */
export function shown(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map of keys';
  if (typeof value === 'string') return `'${brief(value)}'`;
  return String(value);
}
