import * as z from 'zod';
import type { Sessions } from './sessions.ts';

/** What a request is answered with. */
export interface Reply {
  status: number;
  body?: unknown;
}

/** A request, its path taken apart. */
export interface Call {
  sessions: Sessions;
  /** The signed-in user; empty on a route that is open to visitors. */
  user: string;
  /** The part of the path after the route's name. */
  id: string;
  body: unknown;
}

interface Route {
  /** Whether visitors may call it. */
  open?: true;
  answer(call: Call): Promise<Reply>;
}

const account = z.object({ email: z.string(), password: z.string() });
const newAccount = account.extend({ name: z.string().default('') });
const newOrder = z.object({ client_id: z.guid().optional(), fee_cents: z.int().min(0).default(45_000) });
const newClient = z.object({ name: z.string().min(1) });
const orderChange = z.object({ status: z.enum(['new', 'scheduled', 'inspected', 'delivered', 'cancelled']) });

const ORDER = 'id, client_id, number, status, total_cents, due_on';

/** What the application can do. Written before tenants: it names its columns, and knows of org_id alone. */
export const ROUTES: Record<string, Route> = {
  'GET health': {
    open: true,
    async answer({ sessions }) {
      await sessions.ping();
      return { status: 200, body: { ok: true } };
    },
  },
  'POST login': {
    open: true,
    async answer({ sessions, body }) {
      const { email, password } = account.parse(body);
      const token = await sessions.signIn(email, password);
      return token === null ? { status: 401 } : { status: 200, body: { token } };
    },
  },
  'POST signup': {
    open: true,
    async answer({ sessions, body }) {
      const { email, password, name } = newAccount.parse(body);
      const token = await sessions.signUp(email, password, name);
      return token === null ? { status: 409 } : { status: 201, body: { token } };
    },
  },
  'DELETE account': {
    async answer({ sessions, user }) {
      await sessions.asUser(user, (db) => db.query('select public.delete_account()'));
      sessions.signOut(user);
      return { status: 204 };
    },
  },
  'GET clients': {
    async answer({ sessions, user }) {
      const sql = 'select id, name, email, kind, notes from public.clients order by created_at desc limit 50';
      return { status: 200, body: (await sessions.asUser(user, (db) => db.query(sql))).rows };
    },
  },
  'POST clients': {
    async answer({ sessions, user, body }) {
      const { name } = newClient.parse(body);
      const sql = 'insert into public.clients (org_id, name) values ($1, $2) returning id, name';
      return { status: 201, body: (await sessions.asUser(user, (db) => db.query(sql, [user, name]))).rows[0] };
    },
  },
  'POST orders': {
    async answer({ sessions, user, body }) {
      const { client_id, fee_cents } = newOrder.parse(body);
      const sql = `insert into public.orders (org_id, client_id, fee_cents) values ($1, $2, $3) returning ${ORDER}`;
      const made = await sessions.asUser(user, (db) => db.query(sql, [user, client_id ?? null, fee_cents]));
      return { status: 201, body: made.rows[0] };
    },
  },
  'PATCH orders': {
    async answer({ sessions, user, id, body }) {
      const { status } = orderChange.parse(body);
      const sql = `update public.orders set status = $2 where id = $1 returning ${ORDER}`;
      const { rows } = await sessions.asUser(user, (db) => db.query(sql, [z.guid().parse(id), status]));
      return rows[0] === undefined ? { status: 404 } : { status: 200, body: rows[0] };
    },
  },
  'GET dashboard': {
    async answer({ sessions, user }) {
      const sql = `
        select (select count(*)::int from public.clients) as clients,
               (select count(*)::int from public.orders where status not in ('delivered', 'cancelled')) as open_orders,
               (select coalesce(sum(total_cents), 0)::int from public.orders where status = 'delivered') as delivered_cents,
               (select count(*)::int from public.tasks where not done) as open_tasks`;
      return { status: 200, body: (await sessions.asUser(user, (db) => db.query(sql))).rows[0] };
    },
  },
};
