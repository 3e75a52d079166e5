-- Few rows to a block, so that there are batches; each update of a row, batch and step leaves a line that can be counted.
create table owner (id int primary key, tenant int not null);
insert into owner select n, n * 10 from generate_series(1, 50) n;
create table happened (step text);
create table batch (name text, pass int not null, blocks int8range);
create table touched (name text, id int);
create function touched() returns trigger language plpgsql as
  $$ begin insert into touched values (tg_table_name, new.id); return null; end $$;
-- A transaction that has put a row here waits in its COMMIT, before that is in the WAL, for whoever has the advisory lock.
create table held ();
create function held() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(1); return null; end $$;
create constraint trigger held after insert on held deferrable initially deferred for each row execute function held();
create table orders (id int primary key, owner int, padding text default repeat('x', 900));
create table notes (id int primary key, owner int, padding text default repeat('x', 900));
create table "Big Table" (id int primary key, owner int, padding text default repeat('x', 900));
insert into orders (id, owner) select n, n % 50 + 1 from generate_series(1, 200) n;
insert into orders (id, owner) select -n, -n from generate_series(1, 5) n;
insert into notes (id, owner) select n, n % 50 + 1 from generate_series(1, 100) n;
insert into "Big Table" (id, owner) select n, n % 50 + 1 from generate_series(1, 300) n;
create trigger touched after update on orders for each row execute function touched();
create trigger touched after update on notes for each row execute function touched();
create trigger touched after update on "Big Table" for each row execute function touched();
create policy everything on orders using (true);
create policy everything on notes using (true);
create policy everything on "Big Table" using (true);
alter table orders enable row level security;
alter table notes enable row level security;
alter table "Big Table" enable row level security;
