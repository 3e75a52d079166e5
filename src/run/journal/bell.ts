import { utimesSync, watch } from 'node:fs';

// How processes of one machine tell each other that a journal has grown, so that those who follow it need not look all the
// time: who appends touches the file, and who follows has the system watch it. Neither is sure to work (a file system that gives
// no notice, too many watches: see inotify(7)), so that whoever listens still looks by themselves, if rarely.

/** Tells all that listen. Never fails: they look by themselves. */
export function ring(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {}
}

/**
 * Calls back whenever there may be something new, until what it returns is called. It is rung once from here, so that whoever is
 * never called back knows that this does not work.
 */
export function listen(path: string, rung: () => void): () => void {
  try {
    const watcher = watch(path, { persistent: false }, rung);
    watcher.on('error', () => watcher.close());
    ring(path);
    return () => watcher.close();
  } catch {
    return () => undefined;
  }
}
