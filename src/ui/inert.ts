declare const proven: unique symbol;

/** Text that can do nothing to a terminal but take up room: no controls, no direction changes, nothing invisible. */
export type Inert = string & { readonly [proven]: true };

/**
 * What a terminal would obey, or a reader not see: controls, formatting, unassigned and private code points, lone
 * surrogates, every space but the plain one, other invisibles, and the modifiers on whose width terminals disagree.
 */
const NOT_PLAIN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Emoji_Modifier}\u2800]|(?! )\p{Zs}/gu;
const VARIATION = /[\uFE0E\uFE0F]/g;

/**
 * Makes text from outside harmless, without hiding that something was there: controls become `^[` and `^M` as in `cat -v`,
 * other invisible characters `<U+202E>` as in `less`. Combined characters are composed first, so that widths are known.
 */
export function inert(text: string): Inert {
  return text.normalize('NFC').replace(VARIATION, '').replace(NOT_PLAIN, named) as Inert;
}

function named(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
  if (code === 0x7f) return '^?';
  if (code === 0xa0 || code === 0x202f) return ' ';
  return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
}

/** Controls and marks that turn or hide writing, but for the ends of lines, tabs and what joins the signs of a picture. */
const OBEYED = /\r(?!\n)|(?![\r\n\t\u200C\u200D])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Whole output on its way out, whoever made it: what a terminal would obey is named in it, and nothing else is changed. */
export function harmless(text: string): string {
  return text.replace(OBEYED, named);
}

// East Asian Width W and F of Unicode 16, neighbouring blocks run together where what lies between is unassigned.
const WIDE =
  /[\u1100-\u115F\u231A\u231B\u2329\u232A\u23E9-\u23EC\u23F0\u23F3\u25FD\u25FE\u2614\u2615\u2630-\u2637\u2648-\u2653\u267F\u268A-\u268F\u2693\u26A1\u26AA\u26AB\u26BD\u26BE\u26C4\u26C5\u26CE\u26D4\u26EA\u26F2\u26F3\u26F5\u26FA\u26FD\u2705\u270A\u270B\u2728\u274C\u274E\u2753-\u2755\u2757\u2795-\u2797\u27B0\u27BF\u2B1B\u2B1C\u2B50\u2B55\u2E80-\u303E\u3041-\u4DBF\u4DC0-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE19\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{16FE0}-\u{18DFF}\u{1AFF0}-\u{1B2FF}\u{1D300}-\u{1D376}\u{1F004}\u{1F0CF}\u{1F18E}\u{1F191}-\u{1F19A}\u{1F200}-\u{1F320}\u{1F32D}-\u{1F335}\u{1F337}-\u{1F37C}\u{1F37E}-\u{1F393}\u{1F3A0}-\u{1F3CA}\u{1F3CF}-\u{1F3D3}\u{1F3E0}-\u{1F3F0}\u{1F3F4}\u{1F3F8}-\u{1F43E}\u{1F440}\u{1F442}-\u{1F4FC}\u{1F4FF}-\u{1F53D}\u{1F54B}-\u{1F54E}\u{1F550}-\u{1F567}\u{1F57A}\u{1F595}\u{1F596}\u{1F5A4}\u{1F5FB}-\u{1F64F}\u{1F680}-\u{1F6C5}\u{1F6CC}\u{1F6D0}-\u{1F6D2}\u{1F6D5}-\u{1F6D7}\u{1F6DC}-\u{1F6DF}\u{1F6EB}\u{1F6EC}\u{1F6F4}-\u{1F6FC}\u{1F7E0}-\u{1F7EB}\u{1F7F0}\u{1F90C}-\u{1F93A}\u{1F93C}-\u{1F945}\u{1F947}-\u{1F9FF}\u{1FA70}-\u{1FAFF}\u{20000}-\u{3FFFD}]/u;
const MARK = /[\p{Mn}\p{Me}]/u;
const ASCII = /^[ -~]*$/;

function cellsOf(character: string): number {
  if (MARK.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Cells the text takes on the terminal. */
export function width(text: Inert): number {
  if (ASCII.test(text)) return text.length;
  let cells = 0;
  for (const character of text) cells += cellsOf(character);
  return cells;
}

/** As much of the text as fits into that many cells, from its beginning. */
function head(text: Inert, cells: number): Inert {
  let used = 0;
  let kept = '';
  for (const character of text) {
    used += cellsOf(character);
    if (used > cells) break;
    kept += character;
  }
  return kept as Inert;
}

/** Text of at most that many cells; what does not fit is cut and `mark` says so. */
export function clip(text: Inert, cells: number, mark = inert('…')): Inert {
  if (width(text) <= cells) return text;
  const room = cells - width(mark);
  return (room < 0 ? head(mark, Math.max(0, cells)) : `${head(text, room)}${mark}`) as Inert;
}

/** Text of exactly that many cells, clipped or filled with spaces. */
export function pad(text: Inert, cells: number, side: 'left' | 'right' = 'right'): Inert {
  const clipped = clip(text, cells);
  const space = ' '.repeat(Math.max(0, cells - width(clipped)));
  return (side === 'right' ? clipped + space : space + clipped) as Inert;
}

/**
 * Text broken into lines of at most that many cells, between words where it can be. Empty text is one empty line. What
 * is indented stays so on every line, for SQL and query plans mean something by it.
 */
export function wrap(text: Inert, cells: number): Inert[] {
  const words = text.trimStart();
  const whole = Math.max(2, cells);
  const indent = Math.min(text.length - words.length, whole >> 1, whole - 2);
  const room = whole - indent;
  const lines: Inert[] = [];
  let line = '' as Inert;
  for (const word of words.split(' ') as Inert[]) {
    const longer = (line === '' ? word : `${line} ${word}`) as Inert;
    if (width(longer) <= room) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (width(line) > room) {
      const first = head(line, room);
      lines.push(first);
      line = line.slice(first.length) as Inert;
    }
  }
  lines.push(line);
  return lines.map((each) => `${' '.repeat(indent)}${each}` as Inert);
}

/** The lines of a text from outside, each inert; line ends and tabs keep their meaning. */
export function inertLines(text: string): Inert[] {
  return text.split(/\r?\n/).map((line) => inert(line.replaceAll('\t', '    ')));
}
