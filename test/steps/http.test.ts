import { describe, expect, it } from 'vitest';
import { redactor } from '../../src/run/redact.ts';
import type { WatchState } from '../../src/run/state.ts';
import { http } from '../../src/steps/http.ts';
import { openWatchers } from '../../src/steps/watch.ts';
import { eventually } from '../support/eventually.ts';
import { actOf, runbookOf, stateOf, stepOf, worldOf } from './acting.ts';
import { application } from './application.ts';

const signIn = (url: string) => ({
  id: 'login',
  method: 'POST',
  url: `${url}/login`,
  body: { email: 'probe@example.com', password: '{{env.APP_PASSWORD}}' },
  capture: { token: 'session.token' },
});

describe('http', () => {
  it('signs in with a secret of the environment, and goes on with what it captured', async () => {
    const seen: string[] = [];
    await using app = await application((request, body) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? body}`);
      return request.url === '/login' ? { body: { session: { token: 'tok-4711' } } } : { body: { rows: 3 } };
    });
    const step = stepOf('http', {
      runs: 2,
      requests: [
        signIn(app.url),
        {
          id: 'clients',
          url: `${app.url}/clients?as={{token}}`,
          headers: { authorization: 'Bearer {{token}}' },
          expect: { value: { at: 'rows', at_least: 1 } },
        },
      ],
    });
    const performed = await http.perform(step, actOf(), worldOf({ env: { APP_PASSWORD: 'hunter2!' } }));

    expect(seen).toHaveLength(4);
    expect(seen[0]).toBe('POST /login {"email":"probe@example.com","password":"hunter2!"}');
    expect(seen[1]).toBe('GET /clients?as=tok-4711 Bearer tok-4711');
    expect(performed).toMatchObject({ finished: { facts: { runs: 2, 'clients.p50Ms': expect.any(Number) } } });
    expect(JSON.stringify(performed)).not.toMatch(/hunter2|4711/);
  });

  it('that may have changed something is found out about, or asked about, and not put again unasked', async () => {
    let status = 200;
    const seen: (string | undefined)[] = [];
    await using app = await application((request) => {
      seen.push(request.method);
      return { status };
    });
    const look = (fields: object, over: object = {}) =>
      http.verify?.(
        stepOf('http', { requests: [{ id: 'switch', url: `${app.url}/on`, ...fields }], ...over }),
        actOf(),
        worldOf(),
      );
    expect(await look({})).toEqual({ found: 'not-done' });
    expect(await look({ method: 'POST' }, { runs: 2 })).toEqual({ found: 'not-done' });
    expect(await look({ method: 'POST' })).toMatchObject({
      found: 'unclear',
      why: expect.stringContaining('switch (POST'),
    });
    expect(seen).toEqual([]);
    const verify = [{ id: 'is-on', url: `${app.url}/is-on` }];
    const found = [];
    for (status of [200, 404, 503]) found.push((await look({ method: 'POST' }, { verify }))?.found);
    expect(found).toEqual(['done', 'not-done', 'unclear']);
    expect(seen).toEqual(['GET', 'GET', 'GET']);
  });

  it('does not look again at what an answer made it fill in', async () => {
    const urls: (string | undefined)[] = [];
    await using app = await application((request) => {
      urls.push(request.url);
      return { body: { session: { token: '{{env.APP_PASSWORD}}' } } };
    });
    const step = stepOf('http', { requests: [signIn(app.url), { id: 'next', url: `${app.url}/{{token}}` }] });
    await http.perform(step, actOf(), worldOf({ env: { APP_PASSWORD: 'hunter2!' } }));
    expect(urls[1]).toBe('/%7B%7Benv.APP_PASSWORD%7D%7D');
  });

  it.each([
    ['another status', { status: 503, body: 'try later' }, {}, /wrong .*expected status 200, got 503/],
    ['a way to the login page', { status: 302 }, {}, /expected status 200, got 302/],
    ['another text', { body: 'Sorry' }, { matches: 'Welcome' }, /matches \/Welcome\//],
    [
      'too high a number',
      { body: { rate: 0.5 } },
      { value: { at: 'rate', at_most: 0.01 } },
      /at most 0.01 at rate, got 0.5/,
    ],
    ['no number', { body: 'null' }, { value: { at: 'rate', at_most: 0.01 } }, /expected a number at rate, got nothing/],
  ])('fails on %s, and says which request it was', async (_, answer, expectation, message) => {
    await using app = await application(() => answer);
    const step = stepOf('http', { requests: [{ id: 'wrong', url: app.url, expect: expectation }] });
    await expect(http.perform(step, actOf(), worldOf())).rejects.toThrow(message);
  });

  it('shows what came instead, without the secrets that came back with it', async () => {
    await using app = await application((_, body) => ({ status: 401, body: `no such user: ${body}` }));
    const step = stepOf('http', { requests: [signIn(app.url)] });
    const failure = await http.perform(step, actOf(), worldOf({ env: { APP_PASSWORD: 'hunter2!' } })).catch((e) => e);
    expect(failure.evidence[0].text).toContain('no such user');
    expect(failure.evidence[0].text).not.toContain('hunter2');
  });

  it('says that nobody answers, and gives up on an answer that does not come', async () => {
    await using app = await application(() => ({ hang: true }));
    const hanging = stepOf('http', { requests: [{ id: 'slow', url: app.url, timeout: '100ms' }] });
    await expect(http.perform(hanging, actOf(), worldOf())).rejects.toThrow(/slow .*no answer within/);
    const nobody = stepOf('http', { requests: [{ id: 'gone', url: 'http://127.0.0.1:9/' }] });
    await expect(http.perform(nobody, actOf(), worldOf())).rejects.toThrow(/Request gone .*no answer/);
  });

  it('ends at once, and as stopped, when the act is aborted', async () => {
    const stop = new AbortController();
    await using app = await application(() => {
      stop.abort(new Error('stopped'));
      return { hang: true };
    });
    const step = stepOf('http', { requests: [{ id: 'any', url: app.url }] });
    await expect(http.perform(step, actOf({ signal: stop.signal }), worldOf())).rejects.toThrow('stopped');
  });

  it('compares with the baseline: slower fails, noise does not, nothing to compare with does', async () => {
    await using app = await application(() => ({}));
    const step = (or_ms: number) =>
      stepOf('http', { requests: [{ id: 'home', url: app.url }], against: 'before', within: { times: 2, or_ms } });
    const compared = (facts: Record<string, number>) =>
      actOf({ state: stateOf({ before: { status: 'done', result: { summary: '', facts } } }) });
    await expect(http.perform(step(0), compared({ 'home.p50Ms': 1e-6 }), worldOf())).rejects.toThrow('home took');
    await expect(http.perform(step(60_000), compared({ 'home.p50Ms': 1e-6 }), worldOf())).resolves.toHaveProperty(
      'finished',
    );
    await expect(http.perform(step(60_000), compared({}), worldOf())).rejects.toThrow('to compare with');
  });
});

describe('a watch', () => {
  it('counts how long the application was away, from the first failure to the next answer', async () => {
    let up = true;
    await using app = await application(() => ({ status: up ? 200 : 503 }));
    const [watch] = openWatchers({
      runbook: runbookOf({
        watches: [
          { id: 'app', title: 'App', every: '5ms', request: { id: 'health', url: '{{settings.app_url}}/health' } },
        ],
        settings: { app_url: app.url },
      }),
      env: {},
      redactor: redactor({}),
    });
    const told: WatchState[] = [];
    const before = { asked: 100, failed: 7, downMs: 1_000, p50Ms: 1, p99Ms: 2 };
    const watching = watch?.start(before, (totals) => told.push(totals));
    up = false;
    await eventually(() => expect(told.at(-1)?.failed).toBeGreaterThan(7));
    up = true;
    await eventually(() => expect(told).toHaveLength(2));
    await watching?.stop();

    const [down, again, end] = told;
    expect(again?.downMs).toBeGreaterThanOrEqual(down?.downMs ?? Number.NaN);
    expect(again?.downMs).toBeGreaterThan(1_000);
    // Up again: the downtime stands still while the count goes on.
    expect(end?.downMs).toBe(again?.downMs);
    expect(end?.asked).toBeGreaterThan(100);
  });
});
