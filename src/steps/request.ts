import type { Evidence } from '../run/events.ts';
import type { Request } from '../runbook/step-parts.ts';
import type { Scope } from '../runbook/template.ts';
import { roundMs } from './latency.ts';
import { filled, type Words } from './world.ts';

/** The most of an answer that is read, in bytes; what follows is not waited for. */
const READ_LIMIT = 1_048_576;
/** The most of an answer that is shown, in characters. */
const SHOWN_LIMIT = 2_000;

/** What came back, and how long it took to the last byte read, in ms. */
export interface Reply {
  ms: number;
  status: number;
  body: string;
  /** Names captured from the answer, for the requests after this one. Secrets: known to the redactor, kept nowhere. */
  captured: Record<string, string>;
}

/** An answer that is not as it should be, or none. `evidence` holds what came, with secrets taken out. */
export class RequestFailed extends Error {
  readonly evidence: Evidence[];
  readonly advice: string;
  /** Of the answer; undefined when there was none. */
  readonly status: number | undefined;
  constructor(message: string, evidence: Evidence[], status?: number, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.name = 'RequestFailed';
    this.evidence = evidence;
    this.advice = 'Look at the application and its logs. When it answers as it should, retry.';
  }
}

/**
 * Puts one request to the application and looks at the answer. Redirects are not followed: a way to the login page is
 * not the page.
 * @param captured what earlier requests of the same round have captured, usable as `{{name}}`
 * @param signal aborts the request with the signal's reason
 * @throws RequestFailed naming the request, what was expected and what came
 */
export async function put(
  request: Request,
  captured: Record<string, string>,
  words: Words,
  signal: AbortSignal,
): Promise<Reply> {
  const text = (written: string) => filled(words, written, captured);
  const where = `${request.method} ${words.redactor.redact(text(request.url))}`;
  let status: number | undefined;
  const failed = (what: string, body?: string, cause?: unknown) =>
    new RequestFailed(
      words.redactor.redact(`Request ${request.id} (${where}): ${what}`),
      body === undefined ? [] : [{ kind: 'text', title: `Answer to ${request.id}`, text: excerpt(words, body) }],
      status,
      { cause },
    );

  const init: RequestInit = { method: request.method, redirect: 'manual', headers: headers(request, text) };
  if (request.body !== undefined) init.body = JSON.stringify(deep(request.body, text));
  const began = performance.now();
  let body: string;
  try {
    const timeout = AbortSignal.timeout(request.timeout);
    const response = await fetch(text(request.url), { ...init, signal: AbortSignal.any([signal, timeout]) });
    status = response.status;
    body = await read(response);
  } catch (cause) {
    signal.throwIfAborted();
    throw failed(reason(cause, request.timeout), undefined, cause);
  }
  const ms = roundMs(performance.now() - began);

  const { expect } = request;
  if (status !== expect.status) throw failed(`expected status ${expect.status}, got ${status}`, body);
  if (expect.matches !== undefined && !new RegExp(expect.matches).test(body)) {
    throw failed(`expected an answer that matches /${expect.matches}/`, body);
  }
  if (expect.value !== undefined) {
    const { at, at_most = Number.POSITIVE_INFINITY, at_least = Number.NEGATIVE_INFINITY } = expect.value;
    const value = valueAt(json(body), at);
    if (typeof value !== 'number') throw failed(`expected a number at ${at}, got ${describe(value)}`, body);
    if (value > at_most) throw failed(`expected at most ${at_most} at ${at}, got ${value}`, body);
    if (value < at_least) throw failed(`expected at least ${at_least} at ${at}, got ${value}`, body);
  }
  const kept: Record<string, string> = {};
  for (const [name, path] of Object.entries(request.capture)) {
    const value = valueAt(json(body), path);
    if (typeof value !== 'string' && typeof value !== 'number') {
      throw failed(`expected something to capture as ${name} at ${path}, got ${describe(value)}`, body);
    }
    kept[name] = String(value);
    words.redactor.hide(kept[name]);
  }
  return { ms, status, body, captured: kept };
}

function headers(request: Request, text: (written: string) => string): Record<string, string> {
  const given = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, text(value)]));
  return request.body === undefined ? given : { 'content-type': 'application/json', ...given };
}

/** Fills every string of a JSON value. */
function deep(value: Request['body'], text: (written: string) => string): unknown {
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return value.map((each) => deep(each, text));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, deep(each, text)]));
  }
  return value;
}

async function read(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length >= READ_LIMIT) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function json(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** What lies at a dotted path (`user.roles.0`) of a JSON value; undefined when nothing does. */
function valueAt(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce(
      (at: unknown, key) =>
        typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? (at as Scope)[key] : undefined,
      value,
    );
}

function describe(value: unknown): string {
  return value === undefined ? 'nothing' : `a ${value === null ? 'null' : typeof value}`;
}

function excerpt(words: Words, body: string): string {
  const text = words.redactor.redact(body);
  return text.length > SHOWN_LIMIT ? `${text.slice(0, SHOWN_LIMIT)}… (${text.length} characters)` : text;
}

/** Why there was no answer. `fetch` says only "fetch failed"; what happened is in its cause. */
function reason(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return `no answer: ${String(cause)}`;
  const code = 'code' in cause ? String(cause.code) : '';
  return `no answer: ${cause.message || code}`;
}
