/**
 * An expression as the server prints it, so that read again it is the same. `varchar in ('a', 'b')` is printed as a list of
 * varchars that is cast to text[]: `(ARRAY['a'::character varying, …])::text[]`. Read again, the cast goes to each of them
 * (transformTypeCast in PostgreSQL's parse_expr.c), unless the list has been given its own type first.
 */
export function readAgain(expression: string): string {
  let again = '';
  let rest = expression;
  for (;;) {
    const begin = rest.indexOf(BEGIN);
    if (begin < 0) return again + rest;
    const list = listAt(rest, begin + BEGIN.length);
    again += rest.slice(0, begin + BEGIN.length);
    rest = rest.slice(begin + BEGIN.length);
    if (list === undefined || !rest.startsWith(')::', list.length + 1)) continue;
    const [type, ...others] = new Set(list.elements.map((each) => /::([^:']+?)(\(\d+\))?$/.exec(each)?.[1]));
    if (type === undefined || others.length > 0) continue;
    again += `${list.elements.map(readAgain).join(', ')}]::${type}[]`;
    rest = rest.slice(list.length + 1);
  }
}

const BEGIN = '(ARRAY[';

/** The elements of a list up to its closing bracket, and how long that is. @param from behind the opening one */
function listAt(text: string, from: number): { elements: string[]; length: number } | undefined {
  const elements: string[] = [];
  let depth = 0;
  let element = from;
  for (let at = from; at < text.length; at++) {
    const sign = text[at];
    if (sign === "'" || sign === '"') at = text.indexOf(sign, at + 1);
    else if (sign === '(' || sign === '[') depth += 1;
    else if (depth > 0 && (sign === ')' || sign === ']')) depth -= 1;
    else if (sign === ',' || sign === ']') {
      elements.push(text.slice(element, at).trim());
      element = at + 1;
      if (sign === ']') return { elements, length: at - from };
    }
    if (at < 0) return undefined;
  }
  return undefined;
}
