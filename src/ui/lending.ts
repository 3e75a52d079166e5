import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';

/** A process that stops itself is given so long to have stopped, in ms. */
const STOPPING = 200;
/** For so long what the terminal has kept of earlier keys is waited for, in ms. */
const TYPED_AHEAD = 20;

/**
 * Has this process read no more from the terminal, which otherwise would take a part of what is typed to another one, such
 * as a passphrase. `pause` does nothing to a stream that is not flowing, and what it does, it does a turn later.
 */
export async function letGo(stdin: NodeJS.ReadStream): Promise<void> {
  await nextTurn();
  stdin.resume();
  await nextTurn();
  stdin.pause();
  await nextTurn();
}

/** Hands the terminal back to the shell until it brings this process to the foreground again. */
export async function stopHere(): Promise<void> {
  // The whole group, so that the shell notices, whatever stands between it and this process.
  process.kill(0, 'SIGTSTP');
  await delay(STOPPING);
}

/** What was typed before there was anything to see was not meant for what is seen: it is read, and comes to nothing. */
export async function forget(stdin: NodeJS.ReadStream): Promise<void> {
  const ignored = () => undefined;
  stdin.setRawMode(true);
  stdin.on('data', ignored);
  await delay(TYPED_AHEAD);
  stdin.off('data', ignored);
  stdin.pause();
  // Else what it does a turn later is done to the next reader, and no key is heard.
  await nextTurn();
}
