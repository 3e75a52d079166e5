import { execaSync } from 'execa';
import { expect, test } from 'vitest';

const lint = (path: string, source: string) =>
  execaSync('biome', ['lint', `--stdin-file-path=${path}`], { input: source, reject: false, preferLocal: true });

test.each([
  ['src/run/decide.ts', '../ui/screen.tsx'],
  ['src/run/decide.ts', '../postgres/connect.ts'],
  ['src/postgres/connect.ts', '../run/fold.ts'],
  ['src/runbook/plan.ts', '../run/fold.ts'],
  ['src/steps/http.ts', '../notify/mail.ts'],
  ['src/cli/run.ts', 'ink'],
])('lint refuses that %s imports %s', (path, imported) => {
  expect(lint(path, `import { x } from '${imported}';\n\nconsole.log(x);\n`).exitCode).toBe(1);
});

test.each([
  ['src/steps/http.ts', '../run/events.ts'],
  ['src/run/decide.ts', '../runbook/plan.ts'],
  ['src/ui/app.tsx', 'ink'],
])('lint lets %s import %s', (path, imported) => {
  expect(lint(path, `import { x } from '${imported}';\n\nconsole.log(x);\n`).exitCode).toBe(0);
});
