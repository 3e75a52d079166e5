// A rehearsal in a process of its own, for tests that kill it. Says what it made; told to end (SIGTERM), it cleans up.
import { startRehearsal } from '../../src/rehearsal/rehearsal.ts';

const rehearsal = await startRehearsal({ rows: 100 });
process.once('SIGTERM', () => rehearsal.stop());
console.log(JSON.stringify({ folder: rehearsal.folder }));
