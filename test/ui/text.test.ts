import xterm from '@xterm/headless';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { duration, placeTime, roughly, short } from '../../src/ui/format.ts';
import { clip, inert, pad, width, wrap } from '../../src/ui/inert.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('\u001b', '\u009b', '\r', '\u202e', '\u200d', '宽', 'é', '👩', '🏽', 'a', ' ') }),
);

describe('text from outside', () => {
  it('keeps nothing that a terminal obeys or a reader does not see', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(inert(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it('still says what was there', () => {
    expect(inert('a\u001b[31mb\u007f')).toBe('a^[[31mb^?');
    expect(inert('file\u202Egnp.exe')).toBe('file<U+202E>gnp.exe');
    expect(inert('\ud800')).toBe('<U+D800>');
    expect(inert('Grüße, 东京')).toBe('Grüße, 东京');
  });

  it('is as wide as a terminal draws it', async () => {
    // Emoji are left out: this emulator measures by Unicode 6, which knew none; terminals of today give them two cells.
    const terminal = new xterm.Terminal({ cols: 200, rows: 1, allowProposedApi: true });
    for (const text of ['plain', 'Grüße', '宽宽 wide', 'e\u0301clair', 'ﾊﾝｶｸ', '한글', '⚠️ careful', '①②']) {
      const drawn = inert(text);
      await new Promise<void>((done) => terminal.write(`\r\u001b[2K${drawn}`, done));
      expect([text, width(drawn)]).toEqual([text, terminal.buffer.active.cursorX]);
    }
  });

  it('fits where it is put, whatever it is', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 30 }), (text, cells) => {
        const safe = inert(text);
        expect(width(clip(safe, cells))).toBeLessThanOrEqual(cells);
        expect(width(pad(safe, cells))).toBe(cells);
        for (const line of wrap(safe, cells)) expect(width(line)).toBeLessThanOrEqual(cells);
        expect(wrap(safe, cells).join('').replaceAll(' ', '')).toBe(safe.replaceAll(' ', ''));
      }),
    );
  });

  it('stays indented where it is wrapped', () => {
    expect(wrap(inert('  ->  Seq Scan on orders'), 14)).toEqual(['  ->  Seq Scan', '  on orders']);
  });
});

it('writes durations and counts so that they read at a glance', () => {
  expect([480, 7_000, 754_000, 11_940_000, 187_200_000].map(duration)).toEqual([
    '480ms',
    '7s',
    '12m34s',
    '3h19m',
    '2d04h',
  ]);
  expect([45_000, 1_800_000, 7_200_000, 11_940_000, -90_000].map(roughly)).toEqual([
    '45s',
    '30m',
    '2h',
    '3h19m',
    '-2m',
  ]);
  expect([940, 9_940, 61_200, 999_600].map(short)).toEqual(['940', '9.9k', '61k', '1.0M']);
});

it('makes no format anew for a clock that is looked at all night', () => {
  placeTime(0, 'Europe/Berlin');
  const made = vi.spyOn(Intl, 'DateTimeFormat');
  try {
    expect([placeTime(0, 'Europe/Berlin'), placeTime(60_000, 'Europe/Berlin')]).toEqual([
      '01:00 Berlin',
      '01:01 Berlin',
    ]);
    expect(made).not.toHaveBeenCalled();
  } finally {
    made.mockRestore();
  }
});
