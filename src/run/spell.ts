/**
 * A duration in ms as `1h 4m 23s`, below a second as `480ms`. Rounded down, so that a limit is never reported as reached
 * before it is. Needs no locale.
 */
export function spell(ms: number): string {
  if (ms < 0) return `-${spell(-ms)}`;
  if (ms > 0 && ms < 1_000) return `${Math.floor(ms)}ms`;
  const seconds = Math.floor(ms / 1_000);
  const days = Math.floor(seconds / 86_400);
  const parts = [days, Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const words = parts.map((part, i) => (part > 0 ? `${part}${'dhms'[i]}` : '')).filter((word) => word !== '');
  return words.join(' ') || '0s';
}
