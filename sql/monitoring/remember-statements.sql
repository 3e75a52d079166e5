-- What each statement of others has cost so far, for a comparison afterwards. By its normalised text and its user: a new
-- column changes the id of every SELECT *. Where pg_stat_statements is not to be had the table stays empty, and the
-- comparison says that it cannot tell.
create schema if not exists middlewatch;

-- Why this role cannot tell what statements cost; NULL when it can. Where the library is not loaded, its settings are not
-- there either.
create or replace function middlewatch.why_no_statements() returns text
  language sql stable set search_path = pg_catalog, pg_temp
  as $$
    select case
      when nspname is null then 'pg_stat_statements is not installed in this database'
      when coalesce(current_setting('pg_stat_statements.track', true), 'none') = 'none'
        then 'pg_stat_statements counts nothing: it is not in shared_preload_libraries, or its setting track is none'
      when not pg_catalog.has_schema_privilege(nspname, 'usage')
        or not pg_catalog.has_table_privilege(format('%I.pg_stat_statements', nspname), 'select')
        or not pg_catalog.pg_has_role('pg_read_all_stats', 'usage')
        then 'this role may not read what pg_stat_statements has of others; grant it pg_read_all_stats'
    end
    from (select) as one
    left join (
      pg_catalog.pg_extension join pg_catalog.pg_namespace on pg_namespace.oid = extnamespace
    ) on extname = 'pg_stat_statements'
  $$;

-- What they have cost as of now; nothing when that cannot be told. The extension may be in any schema.
create or replace function middlewatch.statements(
  out role name, out query text, out calls numeric, out total_ms numeric
) returns setof record
  language plpgsql stable set search_path = pg_catalog, pg_temp
  as $$
begin
  if middlewatch.why_no_statements() is not null then return; end if;
  return query execute format(
    $query$
      select userid::regrole::name, regexp_replace(lower(query), '[[:space:][:cntrl:]]+', ' ', 'g'), sum(calls),
             sum(total_exec_time)::numeric
      from %I.pg_stat_statements
      where dbid = (select oid from pg_catalog.pg_database where datname = current_database())
        and userid <> quote_ident(current_user)::regrole and query is not null
        -- What the steps ask as the users themselves is marked.
        and query not like '%%/* of middlewatch */%%'
      group by 1, 2
    $query$,
    (select extnamespace::regnamespace::name from pg_catalog.pg_extension where extname = 'pg_stat_statements')
  );
end
$$;

-- Without a key: the text of a statement may be longer than an index takes. Where a publication is for all tables, rows of
-- such a table can be deleted only when it has a replica identity.
create table if not exists middlewatch.statement (role name, query text, calls numeric not null, total_ms numeric not null);
alter table middlewatch.statement replica identity full;

delete from middlewatch.statement;

insert into middlewatch.statement select role, query, calls, total_ms from middlewatch.statements();
