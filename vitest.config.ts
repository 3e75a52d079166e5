import { defineConfig } from 'vitest/config';

// The tests are the same on every machine: they know no database, and no terminal, of the person who runs them.
for (const name of Object.keys(process.env)) if (/^PG[A-Z]+$|^DATABASE_URL$/.test(name)) delete process.env[name];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    globalSetup: ['test/support/global-setup.ts'],
    env: { LC_ALL: 'C.UTF-8', TERM: 'xterm-256color', NO_COLOR: '' },
    testTimeout: 60_000,
    // Hooks make databases and migrate them, beside whatever else the machine does.
    hookTimeout: 240_000,
    expect: { poll: { timeout: 30_000, interval: 20 } },
    // Files wait more than they compute: a core each is not too much.
    maxWorkers: '100%',
  },
});
