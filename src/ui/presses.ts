import type { Key } from 'ink';

export type KeyName =
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'home'
  | 'end'
  | 'enter'
  | 'escape'
  | 'tab'
  | 'backspace'
  | 'clear'
  | 'interrupt'
  | 'suspend';

/** One thing a person did at the keyboard. What was pasted is text and nothing else: no letter of it works as a key. */
export type Press = { key: KeyName } | { letter: string } | { pasted: string };

const NAMED: [keyof Key, KeyName][] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['pageUp', 'page-up'],
  ['pageDown', 'page-down'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['tab', 'tab'],
  ['backspace', 'backspace'],
  ['delete', 'backspace'],
];

const CONTROLS: Record<string, KeyName> = { '\r': 'enter', '\n': 'enter', '\t': 'tab' };

/** What was pressed. Keys that were pressed faster than a slow line carries them arrive together and are told apart here. */
export function pressesOf(input: string, key: Key): Press[] {
  if (key.eventType === 'release') return [];
  if (key.ctrl) {
    if (input === 'c') return [{ key: 'interrupt' }];
    if (input === 'z') return [{ key: 'suspend' }];
    return input === 'u' ? [{ key: 'clear' }] : [];
  }
  const named = NAMED.find(([flag]) => key[flag] === true);
  if (named) return [{ key: named[1] }];
  if (key.meta) return [];
  return [...input].flatMap((letter): Press[] => {
    const control = CONTROLS[letter];
    if (control) return [{ key: control }];
    return letter < ' ' ? [] : [{ letter }];
  });
}

const letters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** A line of text after a key was pressed in it; null when the key means nothing to it. */
export function typed(text: string, press: Press): string | null {
  if ('letter' in press) return text + press.letter;
  if ('pasted' in press) return text + press.pasted.replace(/\s+/g, ' ');
  if (press.key === 'clear') return '';
  if (press.key !== 'backspace') return null;
  return [...letters.segment(text)]
    .slice(0, -1)
    .map((each) => each.segment)
    .join('');
}
