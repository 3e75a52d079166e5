-- What each statement of others has cost so far, for a comparison afterwards. By its normalised text and its user: a new
-- column changes the id of every SELECT *. Where pg_stat_statements is not to be had the table stays empty, and the
-- comparison says that it cannot tell.
create schema if not exists middlewatch;

create table if not exists middlewatch.statement (
  role name,
  query text,
  calls numeric not null,
  total_ms numeric not null,
  primary key (role, query)
);

do $$
declare
  extension_schema text := (
    select nspname from pg_extension join pg_namespace on pg_namespace.oid = extnamespace
    where extname = 'pg_stat_statements'
  );
begin
  if extension_schema is null then return; end if;
  execute format($query$
    insert into middlewatch.statement (role, query, calls, total_ms)
    select userid::regrole::name, regexp_replace(lower(query), '[[:space:][:cntrl:]]+', ' ', 'g'), sum(calls), sum(total_exec_time)
    from %I.pg_stat_statements
    where dbid = (select oid from pg_database where datname = current_database())
      and userid <> current_user::regrole and query is not null
    group by 1, 2
    on conflict (role, query) do update set calls = excluded.calls, total_ms = excluded.total_ms
  $query$, extension_schema);
end
$$;
