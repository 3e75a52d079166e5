import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import * as z from 'zod';
import type { Logins } from '../legacy.ts';
import { errorRate } from './error-rate.ts';
import { type Reply, ROUTES } from './routes.ts';
import { openSessions, type Place, type Sessions } from './sessions.ts';

/** The legacy application, answering on 127.0.0.1. */
export interface Application {
  url: string;
  stop(): Promise<void>;
}

/** Starts the application over a legacy database. It works under row-level security and knows nothing of a migration. */
export async function startApplication(place: Place, logins: Logins): Promise<Application> {
  const sessions = openSessions(place, logins);
  const rate = errorRate();
  const server = createServer(async (request, response) => {
    if (request.method === 'GET' && request.url === '/errors')
      return send(response, { status: 200, body: rate.read() });
    const reply = await answer(sessions, request).catch(excuse);
    rate.note(reply.status >= 500);
    send(response, reply);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await sessions.close();
    },
  };
}

async function answer(sessions: Sessions, request: IncomingMessage): Promise<Reply> {
  const [, name = '', id = ''] = (request.url ?? '').split('/');
  const route = ROUTES[`${request.method} ${name}`];
  if (route === undefined) return { status: 404 };
  const user = sessions.holder(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '');
  if (user === undefined && !route.open) return { status: 401 };
  const hasBody = request.method === 'POST' || request.method === 'PATCH';
  return route.answer({ sessions, user: user ?? '', id, body: hasBody ? await json(request) : undefined });
}

/** A request that makes no sense is the caller's fault, everything else ours. */
function excuse(error: unknown): Reply {
  const theirs = error instanceof z.ZodError || error instanceof SyntaxError;
  return { status: theirs ? 400 : 500, body: { error: error instanceof Error ? error.message : String(error) } };
}

function send(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
