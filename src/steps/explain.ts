import { adviceFor, DatabaseTrouble, sqlState } from '../postgres/errors.ts';
import type { Evidence, Failure, Result } from '../run/events.ts';
import type { Redactor } from '../run/redact.ts';
import { ExpectationFailed } from './kind.ts';

/** What is shown and kept of an error: what happened, what to do about it, and what it was seen by; no secrets. */
export function explain(error: unknown, redactor: Redactor): Failure {
  const { redact } = redactor;
  if (!(error instanceof Error)) return { name: 'Error', message: redact(String(error)) };
  const code = sqlState(error) ?? own(error, 'code');
  const advice = own(error, 'advice') ?? adviceFor(code);
  const evidence = evidenceOf(error).map((each) => covered(each, redact));
  return {
    // pg calls all of the server's errors `error`.
    name: error.name === 'error' ? 'DatabaseError' : error.name,
    message: redact(error.message),
    ...(advice === undefined ? {} : { advice: redact(advice) }),
    ...(code === undefined ? {} : { code }),
    ...(evidence.length === 0 ? {} : { evidence }),
    ...(error instanceof ExpectationFailed && error.hard ? { hard: true } : {}),
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
function covered(evidence: Evidence, redact: Redactor['redact']): Evidence {
  if (evidence.kind === 'text') return { ...evidence, text: redact(evidence.text) };
  return { ...evidence, rows: evidence.rows.map((row) => row.map(redact)) };
}

/** The same result with known secrets covered: what comes back from rows and programs may hold some. */
export function coveredResult(result: Result, { redact }: Redactor): Result {
  const { summary, facts, evidence, exceptions } = result;
  return {
    ...result,
    summary: redact(summary),
    ...(facts && {
      facts: Object.fromEntries(
        Object.entries(facts).map(([name, value]) => [name, typeof value === 'string' ? redact(value) : value]),
      ),
    }),
    ...(evidence && { evidence: evidence.map((each) => covered(each, redact)) }),
    ...(exceptions && { exceptions: exceptions.map(redact) }),
  };
}
