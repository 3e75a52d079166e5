import { execa } from 'execa';
import { expect, test } from 'vitest';

test('what npm runs is meant from where it was typed', { timeout: 60_000 }, async () => {
  const { stdout } = await execa('npm', ['run', '--silent', 'runbook', '--', 'check'], {
    cwd: 'docs/examples/minor-upgrade',
    // As in a shell of its own, not under the npm that runs the tests.
    env: { INIT_CWD: undefined, npm_lifecycle_event: undefined },
  });
  expect(stdout).toMatch(/^runbook\.yaml is in order: PostgreSQL minor upgrade/);
});
