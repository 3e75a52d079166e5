import { adviceFor, DatabaseTrouble, sqlState } from '../postgres/errors.ts';
import type { Evidence, Failure } from '../run/events.ts';
import type { Redactor } from '../run/redact.ts';

/** What is shown and kept of an error: what happened, what to do about it, and what it was seen by; no secrets. */
export function explain(error: unknown, redactor: Redactor): Failure {
  const { redact } = redactor;
  if (!(error instanceof Error)) return { name: 'Error', message: redact(String(error)) };
  const code = sqlState(error) ?? own(error, 'code');
  const advice = own(error, 'advice') ?? adviceFor(code);
  const evidence = evidenceOf(error).map((each) => covered(each, redact));
  return {
    name: error.name,
    message: redact(error.message),
    ...(advice === undefined ? {} : { advice: redact(advice) }),
    ...(code === undefined ? {} : { code }),
    ...(evidence.length === 0 ? {} : { evidence }),
  };
}

function own(error: Error, key: 'code' | 'advice'): string | undefined {
  const value: unknown = key in error ? Reflect.get(error, key) : undefined;
  return typeof value === 'string' ? value : undefined;
}

function evidenceOf(error: Error): Evidence[] {
  if (error instanceof DatabaseTrouble) {
    return error.table === undefined ? [] : [{ kind: 'rows', title: 'In the way', ...error.table, more: 0 }];
  }
  return 'evidence' in error && Array.isArray(error.evidence) ? error.evidence : [];
}

/** The same evidence with known secrets covered. */
export function covered(evidence: Evidence, redact: (text: string) => string): Evidence {
  if (evidence.kind === 'text') return { ...evidence, text: redact(evidence.text) };
  return { ...evidence, rows: evidence.rows.map((row) => row.map(redact)) };
}
