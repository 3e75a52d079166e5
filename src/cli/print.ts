/** A reader that has seen enough and left (`head`, `less`), or a terminal that was closed, is no error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
});

/** Writes to stdout. */
export function print(text: string): void {
  process.stdout.write(text);
}
