import type { TextProps } from 'ink';

/** What a piece of text means; how that looks is decided here, in one place. */
export type Tone = 'plain' | 'quiet' | 'strong' | 'good' | 'warn' | 'bad' | 'now' | 'alarm' | 'key';

export interface Glyphs {
  done: string;
  accepted: string;
  running: string;
  asking: string;
  failed: string;
  pending: string;
  skipped: string;
  undone: string;
  tick: string;
  box: string;
  pointer: string;
  full: string;
  empty: string;
  rule: string;
  post: string;
  square: string;
  dot: string;
  cut: string;
  about: string;
  sparks: string;
}

const UNICODE: Glyphs = {
  done: '✓',
  accepted: '~',
  running: '▶',
  asking: '?',
  failed: '✗',
  pending: '○',
  skipped: '–',
  undone: '↶',
  tick: '[✓]',
  box: '[ ]',
  pointer: '›',
  full: '█',
  empty: '░',
  rule: '─',
  post: '│',
  square: '■',
  dot: '·',
  cut: '…',
  about: '≈',
  sparks: '▁▂▃▄▅▆▇█',
};

const PLAIN: Glyphs = {
  done: '+',
  accepted: '~',
  running: '>',
  asking: '?',
  failed: 'x',
  pending: '.',
  skipped: '-',
  undone: '<',
  tick: '[x]',
  box: '[ ]',
  pointer: '>',
  full: '#',
  empty: '.',
  rule: '-',
  post: '|',
  square: '#',
  dot: '-',
  cut: '~',
  about: '~',
  sparks: '_.-=#',
};

/** What this terminal can show. */
export interface Look {
  unicode: boolean;
  colour: boolean;
  glyphs: Glyphs;
}

/**
 * Reads what the terminal can show from the environment: Unicode when the locale says UTF-8 (LC_ALL, LC_CTYPE, LANG in
 * POSIX order), colour unless NO_COLOR is set (no-color.org) or the terminal is dumb.
 */
export function lookOf(env: NodeJS.ProcessEnv): Look {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  const unicode = /utf-?8/i.test(locale) && env.TERM !== 'linux' && env.TERM !== 'dumb';
  return { unicode, colour: !env.NO_COLOR && env.TERM !== 'dumb', glyphs: unicode ? UNICODE : PLAIN };
}

const COLOURED: Record<Tone, TextProps> = {
  plain: {},
  quiet: { dimColor: true },
  strong: { bold: true },
  good: { color: 'green' },
  warn: { color: 'yellow' },
  bad: { color: 'red', bold: true },
  now: { color: 'cyan', bold: true },
  alarm: { color: 'white', backgroundColor: 'red', bold: true },
  key: { color: 'cyan' },
};

const UNCOLOURED: Record<Tone, TextProps> = {
  plain: {},
  quiet: {},
  strong: { bold: true },
  good: {},
  warn: { bold: true },
  bad: { bold: true },
  now: { bold: true },
  alarm: { bold: true, inverse: true },
  key: { bold: true },
};

/** Ink's properties for a tone. Nothing is told by colour alone: every state has its mark or its word beside it. */
export function dress(tone: Tone, look: Look): TextProps {
  return (look.colour ? COLOURED : UNCOLOURED)[tone];
}

const TYPED: Record<string, string> = { '…': '~', '“': '"', '”': '"', '’': "'", '–': '-', '×': 'x', '✓': '+' };

/** Text for a locale without UTF-8, of the same width: a likeness where there is one, else a question mark. */
export function asciiOf(text: string): string {
  return text.replace(/[^\n -~]/gu, (character) => TYPED[character] ?? '?');
}
