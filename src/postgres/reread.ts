/**
 * An expression as the server prints it, in words that are the same again once they are read: what is printed is not always
 * what was read. May come out as no SQL at all, where the text is not what it looks like.
 */
export const asItWasRead = (expression: string): string => nestedStill(withoutListCasts(expression));

const LIST = '(ARRAY[';

/**
 * `varchar in ('a', 'b')` is printed as `ANY ((ARRAY['a'::character varying, …])::text[])`. Read again, such a cast goes to
 * each element (transformTypeCast in PostgreSQL's parse_expr.c); without it the list as a whole is made to fit, as at first.
 */
function withoutListCasts(expression: string): string {
  const begin = expression.indexOf(LIST);
  if (begin < 0) return expression;
  const inside = begin + LIST.length;
  let end = expression.length;
  let depth = 0;
  for (const { sign, at } of signs(expression, inside)) {
    if (sign === '[') depth += 1;
    else if (sign === ']' && depth-- === 0) {
      end = at;
      break;
    }
  }
  const cast = /^\)::[^[]+\[\]/.exec(expression.slice(end + 1))?.[0];
  const rest = expression.slice(end + 1 + (cast ?? '').length);
  const list = `ARRAY[${withoutListCasts(expression.slice(inside, end))}]`;
  return `${expression.slice(0, begin)}${cast === undefined ? '(' : ''}${list}${withoutListCasts(rest)}`;
}

/**
 * `x in (a, b, c)` over columns is printed as `((x = a) OR (x = b)) OR (x = c)`. Read again, that is one chain of three
 * (makeOrExpr in PostgreSQL's gram.y), unless the pair is cast to what it is anyway.
 */
function nestedStill(expression: string): string {
  const groups: { from: number; chain: boolean }[] = [];
  const casts: number[] = [];
  for (const { sign, at } of signs(expression, 0)) {
    const group = groups.at(-1);
    if (sign === '(') groups.push({ from: at, chain: false });
    else if (sign === ')') {
      const closed = groups.pop();
      const alone = closed !== undefined && /(^|[\s(])$/.test(expression.slice(0, closed.from));
      if (closed?.chain && alone && !/^\(\s*(SELECT|WITH|WHERE)\b/.test(expression.slice(closed.from)))
        casts.push(at + 1);
    } else if (group !== undefined && sign === ' ' && /^ (OR|AND) /.test(expression.slice(at))) group.chain = true;
  }
  let said = '';
  let from = 0;
  for (const at of casts) {
    said += `${expression.slice(from, at)}::boolean`;
    from = at;
  }
  return said + expression.slice(from);
}

/** The signs of an expression, each with its place, but for what stands in quotes. */
function* signs(expression: string, from: number): Generator<{ sign: string; at: number }> {
  for (let at = from; at < expression.length; at++) {
    const sign = expression[at] ?? '';
    yield { sign, at };
    if (sign !== "'" && sign !== '"') continue;
    const end = expression.indexOf(sign, at + 1);
    if (end < 0) return;
    at = end;
  }
}
