/**
 * An expression as the server prints it, with the casts of its lists left out: `varchar in ('a', 'b')` is printed as
 * `ANY ((ARRAY['a'::character varying, …])::text[])`. Read again, such a cast goes to each element (transformTypeCast in
 * PostgreSQL's parse_expr.c); without it the list as a whole is made to fit, as it was at first.
 */
export function withoutListCasts(expression: string): string {
  const begin = expression.indexOf(BEGIN);
  if (begin < 0) return expression;
  const inside = begin + BEGIN.length;
  const end = closing(expression, inside);
  const cast = /^\)::[^[]+\[\]/.exec(expression.slice(end + 1))?.[0];
  const rest = expression.slice(end + 1 + (cast ?? '').length);
  const list = `ARRAY[${withoutListCasts(expression.slice(inside, end))}]`;
  return `${expression.slice(0, begin)}${cast === undefined ? '(' : ''}${list}${withoutListCasts(rest)}`;
}

const BEGIN = '(ARRAY[';

/** Where the bracket closes that was opened before; the end of the text, where it does not. */
function closing(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const sign = text[at] ?? '';
    if (sign === "'" || sign === '"') {
      const end = text.indexOf(sign, at + 1);
      at = end < 0 ? text.length : end;
    } else if (sign === '[') depth += 1;
    else if (sign === ']' && depth-- === 0) return at;
  }
  return text.length;
}
