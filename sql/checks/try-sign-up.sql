-- From create-tenants on, whoever signs up gets a profile and at once, by an update, its tenant. Adds the column, has some
-- profiles look as if they were made this moment, gives each a tenant, and takes it all back: a trigger that refuses a change
-- so soon shows here, before anything has been changed. Along the search_path that sign-ups will have.
select set_config('middlewatch.backfill', 'on', true),
       set_config('search_path', concat_ws(', ', 'pg_catalog', string_agg(quote_ident(schema), ', '), 'pg_temp'), true)
from unnest(current_schemas(false)) as along (schema);

do $$
-- locks: ACCESS EXCLUSIVE on public.profiles
declare
  people regclass := 'public.profiles';
  young text;
  until timestamptz;
  person public.profiles.id%type;
  detail text;
begin
  set constraints all immediate;
  alter table public.profiles add column tenant_id uuid;
  -- Meanwhile nobody else gets at the profiles.
  until := clock_timestamp() + interval '200 ms';
  for person in select id from public.profiles limit 20 loop
    exit when clock_timestamp() > until;
    -- One by one: a trigger may let the time of the last change be set, and not that of the first.
    for young in
      select format('%I = default', attname)
      from pg_attribute
      where attrelid = people and attnum > 0 and not attisdropped and atthasdef and attgenerated = ''
        and atttypid in ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
    loop
      begin
        execute format('update public.profiles set %s where id = $1', young) using person;
      exception when others then
        null; -- It stays as old as it is.
      end;
    end loop;
    update public.profiles set tenant_id = gen_random_uuid() where id = person;
    continue when found;
    raise exception 'an update did not reach it';
  end loop;
  raise exception using errcode = 'MWOK1';
exception
  when sqlstate 'MWOK1' then
    null; -- Taken back.
  when lock_not_available or deadlock_detected or serialization_failure or query_canceled then
    raise;
  when others then
    get stacked diagnostics detail = pg_exception_detail;
    raise exception 'A profile made a moment ago could not be given its tenant: %', concat_ws(' - ', sqlerrm, nullif(detail, ''))
      using hint = 'Nobody could sign up any more. Have the trigger behind it let updates pass while current_setting(''middlewatch.backfill'', true) = ''on''.';
end
$$;
