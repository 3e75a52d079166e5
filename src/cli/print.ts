import { harmless } from '../ui/inert.ts';
import { secretsOf } from './secrets.ts';

/** The exit code of a command whose words did not arrive. */
const UNSAID = 1;

let unsaid = false;

/** A reader that has seen enough and left (`head`, `less`), or a terminal that was closed, is no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE' || error.code === 'EIO' || unsaid) return;
  unsaid = true;
  complain(`What this prints cannot be written: ${error.message}.`);
  // A run is left in order, and says how it stands, before this counts.
  process.once('exit', (code) => {
    process.exitCode = code || UNSAID;
  });
});
// There is nobody left to tell.
process.stderr.on('error', () => undefined);

/** Writes to stdout; what a terminal would obey is shown, wherever it comes from. */
export function print(text: string): void {
  process.stdout.write(harmless(text));
}

/** Writes lines to stderr, in the same way and without secrets. */
export function complain(text: string): void {
  process.stderr.write(`${harmless(secretsOf(process.env).redact(text))}\n`);
}
