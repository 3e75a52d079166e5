import { randomFrom } from '../simulation/random.ts';

/** Whom a transaction acts for: a user under row level security, the service above it, or the sign-in service. */
export type As = { user: string } | 'service' | 'sign-in';

export interface Statement {
  text: string;
  values?: unknown[];
  /** Prepared once a session, under this name. */
  name?: string;
}

/** One transaction of the legacy application. */
export interface Deed {
  as: As;
  statements: Statement[];
}

interface Table {
  name: string;
  /** A column to write to. */
  said: string;
  /** What a new row needs besides. */
  more?: Record<string, string | number>;
}

const GOALS: Table = { name: 'goals', said: 'title', more: { target: 1 } };
const TABLES: Table[] = [
  { name: 'clients', said: 'name' },
  { name: 'orders', said: 'status' },
  { name: 'properties', said: 'street', more: { city: 'Salem' } },
  { name: 'contacts', said: 'name' },
  { name: 'activities', said: 'kind' },
  { name: 'deals', said: 'title' },
  { name: 'cases', said: 'subject' },
  { name: 'tags', said: 'name' },
  { name: 'tasks', said: 'title' },
  { name: 'agent_cards', said: 'display_name' },
  { name: 'chat_messages', said: 'body', more: { sender: 'user' } },
  GOALS,
];

/** A client keeps so many users, however many of them leave. */
const FEWEST_USERS = 4;

/**
 * What a client of the legacy application does, one deed after another, without end, as it did before there were tenants.
 * It follows from the seed and from the rows of the client's own users, which no other client touches.
 * @param first the first of the clients: only it writes to goals, and empties them at times
 */
export function* deeds(seed: number, users: string[], first: boolean): Generator<Deed> {
  const { between, of: one } = randomFrom(seed);
  const below = (n: number) => between(0, n - 1);
  const hex = (n: number) => Array.from({ length: n }, () => below(16).toString(16)).join('');
  const uuid = () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`;
  const word = ({ name }: Table) => (name === 'orders' ? one(['new', 'scheduled', 'delivered']) : `said ${hex(6)}`);
  const insert = (table: Table, owner: string, n = 1): Statement => {
    const more = table.more ?? {};
    const columns = ['id', 'org_id', table.said, ...Object.keys(more)];
    const rows = Array.from({ length: n }, () => [uuid(), owner, word(table), ...Object.values(more)]);
    const tuples = rows.map((row, r) => `(${row.map((_, i) => `$${r * columns.length + i + 1}`)})`);
    return { text: `insert into ${table.name} (${columns}) values ${tuples}`, values: rows.flat() };
  };
  const tables = TABLES.filter((table) => first || table !== GOALS);

  for (;;) {
    const table = one(tables);
    const { name, said } = table;
    const user = one(users);
    const as = { user };
    const nth = `id = (select id from ${name} where org_id = $1 order by id offset $2 limit 1)`;
    const itsNth = [user, below(5)];
    const kinds: (() => Deed[])[] = [
      // Reads; what a session prepared before the column came has to do afterwards.
      () => {
        const text = `select id, ${said} from ${name} where org_id = $1 order by id`;
        return [{ as, statements: [{ text, values: [user], name: `mine of ${name}` }] }];
      },
      () => {
        const read = { text: `select * from ${name} where org_id = $1 and false`, values: [user] };
        return [{ as, statements: [read, insert(table, user)] }];
      },
      // Changes and removes a row.
      () => [
        {
          as,
          statements: [{ text: `update ${name} set ${said} = $3 where ${nth}`, values: [...itsNth, word(table)] }],
        },
      ],
      () => [{ as, statements: [{ text: `delete from ${name} where ${nth}`, values: itsNth }] }],
      // Adds what may be there already, and many at once.
      () => {
        const text = `insert into tags (id, org_id, name) values ($1, $2, $3)
          on conflict (org_id, name) do update set color = 'red'`;
        return [{ as, statements: [{ text, values: [uuid(), user, one(['urgent', 'paid', 'new'])] }] }];
      },
      () => [{ as, statements: [insert(table, user, 30)] }],
      // An order with all that hangs on it.
      () => {
        const [client, order] = [uuid(), uuid()];
        const statements = [
          { text: "insert into clients (id, org_id, name) values ($1, $2, 'A client')", values: [client, user] },
          { text: 'insert into orders (id, org_id, client_id) values ($1, $2, $3)', values: [order, user, client] },
          {
            text: "insert into tasks (id, org_id, order_id, title) values ($1, $2, $3, 'Call')",
            values: [uuid(), user, order],
          },
          { text: "update orders set status = 'scheduled' where id = $1", values: [order] },
          { text: 'select count(*)::int from orders where client_id = $1', values: [client] },
        ];
        return [{ as, statements }];
      },
      // Somebody signs up and begins to work; somebody leaves; somebody takes another name.
      () => {
        const newcomer = uuid();
        users.push(newcomer);
        const text = `insert into auth.users (id, email, raw_user_meta_data) values ($1, $2, '{"name": "New"}')`;
        return [
          { as: 'sign-in', statements: [{ text, values: [newcomer, `${newcomer}@example.org`] }] },
          { as: { user: newcomer }, statements: [insert(table, newcomer)] },
        ];
      },
      () => {
        if (users.length <= FEWEST_USERS) return [];
        users.splice(users.indexOf(user), 1);
        return [{ as, statements: [{ text: 'select delete_account()' }] }];
      },
      () => {
        const change = { text: 'update profiles set name = $2 where id = $1', values: [user, `said ${hex(6)}`] };
        return [{ as, statements: [change, { text: 'select name from profiles where id = $1', values: [user] }] }];
      },
      // A row is given to somebody else, to somebody who is not there, to nobody.
      () => {
        const values = [...itsNth, one([one(users), one(users), uuid(), null])];
        return [{ as: 'service', statements: [{ text: `update ${name} set org_id = $3 where ${nth}`, values }] }];
      },
      // All rows of one owner are changed at once.
      () => {
        const text = `update ${name} set updated_at = now() where org_id = $1`;
        return [{ as: 'service', statements: [{ text, values: [user] }] }];
      },
      // Refused before tenants, and refused after: a row under a stranger's name.
      () => [{ as, statements: [insert(table, uuid())] }],
      () => {
        if (!first || below(4) > 0) return [];
        return [
          { as: 'service', statements: [{ text: 'truncate goals' }, ...users.map((each) => insert(GOALS, each, 3))] },
        ];
      },
    ];
    yield* one(kinds)();
  }
}
