-- Updates some rows of a table as the backfill will, and takes it back at once: what its triggers and rules would refuse
-- or swallow in mid-window shows here, before anything has been changed. Rows that somebody else is at are left alone.
-- psql: -v schema=public -v name=clients -v owner=org_id
select set_config('middlewatch.backfill', 'on', true), set_config('middlewatch.update', json_build_object(
  'relation', format('%I.%I', :'schema', :'name'), 'owner', :'owner'
)::text, true);

do $$
-- locks: ROW EXCLUSIVE on the table it is run for
declare
  wanted jsonb := current_setting('middlewatch.update');
  relation regclass;
  same name;
  found bigint;
  changed bigint;
  detail text;
begin
  set constraints all immediate;
  for relation in
    select relid from pg_partition_tree(wanted ->> 'relation') where isleaf
    union all
    select (wanted ->> 'relation')::regclass
  loop
    -- A column that no trigger waits for in particular, like the one that is to come.
    select attname into same
    from pg_attribute
    where attrelid = relation and attnum > 0 and not attisdropped and attgenerated = '' and attidentity <> 'a'
    order by exists (select from pg_trigger where tgrelid = attrelid and attnum = any (tgattr)), attname <> wanted ->> 'owner'
    limit 1;
    execute format(
      'with chosen as materialized (select ctid as place from only %1$s limit 100 for update skip locked),
            changed as (update only %1$s as each set %2$I = each.%2$I from chosen where each.ctid = chosen.place returning 1)
       select (select count(*) from chosen), (select count(*) from changed)', relation, same
    ) into found, changed;
    if changed < found then
      raise exception 'of % rows of %, an update reached %', found, relation, changed;
    end if;
  end loop;
  raise exception using errcode = 'MWOK1';
exception
  when sqlstate 'MWOK1' then
    null; -- Taken back.
  when lock_not_available or deadlock_detected or serialization_failure or query_canceled then
    raise;
  when others then
    get stacked diagnostics detail = pg_exception_detail;
    raise exception 'The backfill could not update %: %', relation, concat_ws(' – ', sqlerrm, nullif(detail, ''))
      using hint = 'Have the trigger or rule behind it let updates pass while current_setting(''middlewatch.backfill'', true) = ''on'', give what a publication has a replica identity, or leave the table out of the lists.';
end
$$;
