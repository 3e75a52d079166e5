-- Rows, the same for the same size: keys and choices are hashes of a row's number. Read from settings of the session:
-- legacy.rows (how many orders; the rest in proportion) and legacy.password (everybody's).
set session_replication_role = replica;
set synchronous_commit = off;

create function pg_temp.key(kind text, i bigint) returns uuid language sql immutable parallel safe
  return overlay(overlay(md5(kind || i) placing '4' from 13) placing 'a' from 17)::uuid;
-- A number from 0 to n - 1.
create function pg_temp.pick(kind text, i bigint, n bigint) returns bigint language sql immutable parallel safe
  return (hashtextextended(kind, i) & 9223372036854775807) % n;
create function pg_temp.made(i bigint) returns timestamptz language sql immutable parallel safe
  return timestamptz '2024-03-11 09:00Z' + (i % 500) * interval '1 day' + (i % 86400) * interval '1 second';
-- One row in 200 belongs to an account that is gone, one in 1,000 to nobody.
create function pg_temp.owner(i bigint, users bigint) returns uuid language sql immutable parallel safe
  return case when i % 1000 = 13 then null
              when i % 200 = 7 then pg_temp.key('departed', i % 5)
              else pg_temp.key('user', i % users) end;

create temporary table size as
  select current_setting('legacy.rows')::bigint as orders,
         greatest(20, current_setting('legacy.rows')::bigint / 200) as users,
         greatest(40, current_setting('legacy.rows')::bigint / 4) as clients,
         greatest(40, current_setting('legacy.rows')::bigint / 2) as properties;

-- User 0 is the one the probes sign in as. Some gave no name, one signed up by telephone and has no address.
insert into auth.users (id, email, encrypted_password, raw_user_meta_data, created_at)
select pg_temp.key('user', i),
       case i when 0 then 'probe@example.com' when 5 then null else format('user%s@example.com', i) end,
       password.hash,
       case when i % 20 = 9 then '{}'
            else jsonb_build_object('name', (array['Ada', 'Grace', 'Linus', 'Miles O''Brien', 'Zoë', '山田'])[1 + i % 6] || ' ' || i) end,
       pg_temp.made(i)
from size, generate_series(0, users - 1) as i,
     (select extensions.crypt(current_setting('legacy.password'), extensions.gen_salt('bf', 4)) as hash) as password;

insert into public.profiles (id, name, email, created_at, updated_at)
select id, raw_user_meta_data ->> 'name', email, created_at, created_at from auth.users;

insert into public.user_roles values (pg_temp.key('user', 1), 'admin');

insert into public.clients (id, org_id, name, email, kind, notes, created_at, updated_at)
select pg_temp.key('client', i), pg_temp.owner(i, users),
       -- A name that tries to colour the screen it is shown on.
       case i when 3 then E'\x1b[31mRed Ink & Co\x1b[0m' else format('Client %s', i) end,
       format('client%s@example.net', i),
       (array['lender', 'investor', 'amc', 'attorney', 'accountant', 'borrower'])[1 + pg_temp.pick('kind', i, 6)],
       case when i % 3 = 0 then repeat('Calls back after lunch. ', 1 + (i % 4)::int) end,
       pg_temp.made(i), pg_temp.made(i)
from size, generate_series(0, clients - 1) as i;

insert into public.properties (id, org_id, street, city, postal_code, built, created_at, updated_at)
select pg_temp.key('property', i), pg_temp.owner(i, users), format('%s Elm Street', i),
       (array['Springfield', 'Salem', 'Auburn', 'Dayton'])[1 + pg_temp.pick('city', i, 4)],
       lpad(pg_temp.pick('post', i, 99999)::text, 5, '0'), 1900 + pg_temp.pick('built', i, 120), pg_temp.made(i), pg_temp.made(i)
from size, generate_series(0, properties - 1) as i;

-- An order belongs to whom its client belongs to, and so does what hangs on it.
insert into public.orders (id, org_id, client_id, property_id, number, status, fee_cents, tax_cents, due_on, created_at, updated_at)
select pg_temp.key('order', i), pg_temp.owner(client, users), pg_temp.key('client', client),
       case when i % 8 <> 0 then pg_temp.key('property', client) end,
       nextval('public.order_number'), (array['new', 'scheduled', 'inspected', 'delivered', 'cancelled'])[1 + pg_temp.pick('status', i, 5)],
       30000 + 100 * pg_temp.pick('fee', i, 500), 100 * pg_temp.pick('tax', i, 50), date '2025-01-01' + (i % 365)::int,
       pg_temp.made(i), pg_temp.made(i)
from size, generate_series(0, orders - 1) as i,
     lateral (select pg_temp.pick('client of order', i, clients) as client) as chosen;

insert into public.contacts (id, org_id, client_id, name, phone, created_at, updated_at)
select pg_temp.key('contact', i), pg_temp.owner(client, users), pg_temp.key('client', client), format('Contact %s', i),
       format('+1 555 %s', lpad((i % 10000)::text, 4, '0')), pg_temp.made(i), pg_temp.made(i)
from size, generate_series(0, clients - 1) as i,
     lateral (select pg_temp.pick('client of contact', i, clients) as client) as chosen;

insert into public.activities (id, org_id, order_id, kind, detail, created_at, updated_at)
select pg_temp.key('activity', i), o.org_id, o.id, (array['call', 'mail', 'visit', 'note'])[1 + i % 4],
       jsonb_build_object('minutes', i % 90), pg_temp.made(i), pg_temp.made(i)
from (select *, row_number() over () as i from public.orders where number % 2 = 0) as o;

insert into public.deals (id, org_id, client_id, title, stage, value, probability, created_at, updated_at)
select pg_temp.key('deal', i), c.org_id, c.id, format('Portfolio %s', i), (array['lead', 'offer', 'won', 'lost'])[1 + i % 4],
       1000 + i, i % 101, pg_temp.made(i), pg_temp.made(i)
from (select *, row_number() over () as i from public.clients where right(email, 13) like '0%') as c;

insert into public.cases (id, org_id, order_id, subject, is_open, created_at, updated_at)
select pg_temp.key('case', i), o.org_id, o.id, format('Question about order %s', o.number), i % 3 = 0, pg_temp.made(i), pg_temp.made(i)
from (select *, row_number() over () as i from public.orders where number % 20 = 0) as o;

insert into public.tags (id, org_id, name, color, created_at, updated_at)
select pg_temp.key('tag', i * 10 + n), pg_temp.owner(i, users), name, '#3b82f6', pg_temp.made(i), pg_temp.made(i)
from size, generate_series(0, users - 1) as i, unnest(array['urgent', 'paid', 'review', 'hold']) with ordinality as tag (name, n)
on conflict do nothing;

insert into public.tasks (id, org_id, order_id, title, done, due_on, created_at, updated_at)
select pg_temp.key('task', i), o.org_id, o.id, format('Call about order %s', o.number), i % 2 = 0, o.due_on, pg_temp.made(i),
       pg_temp.made(i)
from (select *, row_number() over () as i from public.orders where number % 4 = 0) as o;

insert into public.goals (id, org_id, title, target, period, created_at, updated_at)
select pg_temp.key('goal', i), pg_temp.owner(i, users), format('Orders in quarter %s', 1 + i % 4), 10 + i % 50,
       daterange('2025-01-01', '2025-04-01'), pg_temp.made(i), pg_temp.made(i)
from size, generate_series(0, users * 4 - 1) as i;

insert into public.agent_cards (id, org_id, display_name, card, created_at, updated_at)
select pg_temp.key('card', i), pg_temp.owner(i, users), format('Agent %s', i), '{"headline": "Appraiser"}', pg_temp.made(i), pg_temp.made(i)
from size, generate_series(0, users - 1) as i;

insert into public.chat_messages (id, org_id, sender, body, created_at, updated_at)
select pg_temp.key('message', i), pg_temp.owner(pg_temp.pick('chat', i, users * 10), users),
       case when i % 2 = 0 then 'user' else 'assistant' end,
       repeat('When can the inspection take place? ', 1 + (i % 5)::int), pg_temp.made(i), pg_temp.made(i)
from size, generate_series(0, properties - 1) as i;

drop table size;
reset session_replication_role;
reset synchronous_commit;
