/** Finds secrets in a text in the forms they turn up in: quoted, escaped, encoded, in base64 or hex, broken over lines. */

/** A part of a text, from its first sign to behind its last, in UTF-16 units. */
export interface Range {
  from: number;
  to: number;
}

/** A text made of another one: where each of its units comes from. */
interface Made {
  text: string;
  /** Undefined: it is the other text. */
  from?: Uint32Array;
  to?: Uint32Array;
}

/** Replaces what matches, and keeps in mind what it was. */
function remade(before: Made, pattern: RegExp, make: (found: string) => string): Made {
  const parts: string[] = [];
  const spans: { length: number; kept: boolean; at: number; width: number }[] = [];
  let at = 0;
  for (const { 0: found, index } of before.text.matchAll(pattern)) {
    const instead = make(found);
    if (instead === found) continue;
    parts.push(before.text.slice(at, index), instead);
    spans.push({ length: index - at, kept: true, at, width: 1 });
    spans.push({ length: instead.length, kept: false, at: index, width: found.length });
    at = index + found.length;
  }
  if (parts.length === 0) return before;
  parts.push(before.text.slice(at));
  spans.push({ length: before.text.length - at, kept: true, at, width: 1 });
  const text = parts.join('');
  const [from, to] = [new Uint32Array(text.length), new Uint32Array(text.length)];
  let unit = 0;
  for (const span of spans) {
    for (let i = 0; i < span.length; i++, unit++) {
      const source = span.kept ? span.at + i : span.at;
      from[unit] = before.from?.[source] ?? source;
      to[unit] = before.to?.[source + span.width - 1] ?? source + span.width;
    }
  }
  return { text, from, to };
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", '#39': "'", '#039': "'" };
const ENCODED = /(?:%[0-9a-f]{2})+|\\+u[0-9a-f]{4}|&(?:amp|lt|gt|quot|apos|#0?39);/gi;
/** An encoding within another is undone, too, and one within that. */
const DEPTH = 3;

function decode(found: string): string {
  if (found.startsWith('&')) return ENTITIES[found.slice(1, -1).toLowerCase()] ?? found;
  if (found.startsWith('\\')) return String.fromCharCode(Number.parseInt(found.slice(-4), 16));
  const text = Buffer.from(found.replaceAll('%', ''), 'hex').toString('utf8');
  return text.includes('\ufffd') ? found : text;
}

function decoded(text: Made): Made {
  let made = text;
  for (let depth = 0; depth < DEPTH; depth++) made = remade(made, ENCODED, decode);
  return made;
}

/** What quoting adds and wrapping inserts, escaped ends of lines included: a text and a secret are compared without it. */
const QUOTING = /(?:\\+[nrt]|\\+(?![\\nrt])|['"\s+])+/g;
const BREAKS = /(?:\\+r)?\\+n|\s+|\\+(?=\/)/g;
const HEX_JOINTS = /[\s:]+|\\+x|0x/g;
const nothing = () => '';

const unquoted = (text: Made) => remade(text, QUOTING, nothing);
const plain = (text: string) => unquoted(decoded({ text })).text;

/**
 * What base64 makes of the secret whatever stands around it, when as many bytes (0 to 2) stand before it in its group. A
 * digit holds 6 bits; those at the edges, which hold bits of others, too, are left out.
 */
function base64(secret: Buffer, before: number): string {
  const whole = Buffer.concat([Buffer.alloc(before), secret]).toString('base64');
  return whole.slice(Math.ceil((before * 8) / 6), Math.floor(((before + secret.length) * 8) / 6));
}

/** Fewer signs than this are no trace of anything. */
const FEWEST = 4;

function* places(made: Made, forms: readonly string[]): Generator<Range> {
  for (const form of forms) {
    if (form.length < FEWEST) continue;
    for (let at = made.text.indexOf(form); at >= 0; at = made.text.indexOf(form, at + 1)) {
      const last = at + form.length - 1;
      yield { from: made.from?.[at] ?? at, to: made.to?.[last] ?? last + 1 };
    }
  }
}

/** Makes one look at a text for all of these secrets: where they are, in order, none within or beside another. */
export function secretFinder(secrets: readonly string[]): (text: string) => Range[] {
  const asIs = secrets.flatMap((secret) => {
    const encoded = encodeURIComponent(secret.toWellFormed());
    return [secret, encoded, encoded.replace(/%../g, (each) => each.toLowerCase())];
  });
  const bytes = secrets.map((secret) => Buffer.from(secret));
  const forms = {
    asIs: [...new Set(asIs)],
    plain: [...new Set(secrets.map(plain))],
    base64: bytes.flatMap((secret) => [0, 1, 2].map((before) => base64(secret, before))),
    hex: bytes.map((secret) => secret.toString('hex')),
  };
  return (text) => {
    const whole: Made = { text };
    const clear = decoded(whole);
    const joined = remade(clear, BREAKS, nothing);
    const digits = remade(clear, HEX_JOINTS, nothing);
    const found = [
      ...places(whole, forms.asIs),
      ...places(unquoted(clear), forms.plain),
      ...places({ ...joined, text: joined.text.replaceAll('-', '+').replaceAll('_', '/') }, forms.base64),
      ...places({ ...digits, text: digits.text.toLowerCase() }, forms.hex),
    ].sort((a, b) => a.from - b.from);
    const apart: Range[] = [];
    for (const { from, to } of found) {
      const last = apart.at(-1);
      if (last && from <= last.to) last.to = Math.max(last.to, to);
      else apart.push({ from, to });
    }
    return apart;
  };
}
