import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The runbook.yaml of this folder; where there is none, the flagship that comes with the program. */
export function defaultRunbook(): string {
  return existsSync('runbook.yaml') ? 'runbook.yaml' : fileURLToPath(new URL('../../runbook.yaml', import.meta.url));
}
