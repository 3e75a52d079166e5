-- Adds the column that is to come, fills it in some rows as the backfill will, and takes all of it back at once: what triggers,
-- rules, functions of whole rows or the size of a row would refuse or swallow in mid-window shows here, before anything has
-- been changed. Meanwhile nobody else gets at the table, so it takes as many rows as it comes to in a fifth of a second.
select set_config('middlewatch.backfill', 'on', true), set_config('middlewatch.update', json_build_object(
  'relation', format('%I.%I', :'schema', :'name'), 'owner', :'owner', 'tables', :'tables'::json
)::text, true);

do $$
-- locks: ACCESS EXCLUSIVE on the table it is run for
declare
  wanted jsonb := current_setting('middlewatch.update');
  relation regclass;
  places tid[];
  place tid;
  changed bigint;
  swallowed boolean;
  until timestamptz;
  elsewhere text;
  detail text;
begin
  set constraints all immediate;
  execute format('alter table %s add column tenant_id uuid', wanted ->> 'relation');
  until := clock_timestamp() + interval '200 ms';
  for relation in
    select relid from pg_partition_tree(wanted ->> 'relation') where isleaf
    union all
    select (wanted ->> 'relation')::regclass
  loop
    exit when clock_timestamp() > until;
    -- The first there are, and those of some twenty blocks from all over it: what is refused for some rows only shows more often.
    execute format(
      'select array(
         (select ctid from only %1$s limit 100)
         union
         select ctid from only %1$s tablesample system (
           least(100, 2000.0 * current_setting(''block_size'')::int / greatest(pg_relation_size(%1$L), 1)))
       )', relation
    ) into places;
    foreach place in array places loop
      exit when clock_timestamp() > until;
      execute format('update only %s set tenant_id = gen_random_uuid() where ctid = $1', relation) using place;
      get diagnostics changed = row_count;
      continue when changed = 1;
      -- A trigger may have moved it meanwhile; else it is as it was.
      execute format('select exists (select from only %s where ctid = $1)', relation) into swallowed using place;
      if swallowed then
        raise exception 'an update did not reach a row of %', relation;
      end if;
    end loop;
  end loop;
  -- Rows of these are counted before and after, and a rollback has to leave those there were.
  select string_agg(format('%s of %s', n_tup_ins + n_tup_del, relid::regclass), ', ' order by relid) into elsewhere
  from pg_stat_xact_user_tables
  where n_tup_ins + n_tup_del > 0 and relid in (
    select coalesce(part.relid, listed.oid)
    from jsonb_array_elements(wanted -> 'tables') as item
    cross join lateral (select to_regclass(format('%I.%I', item ->> 'schema', item ->> 'name'))) as listed (oid)
    left join pg_partition_tree(listed.oid) as part on true
  );
  if elsewhere is not null then
    raise exception 'its triggers add or remove rows of tables in the lists (for a few updates: %)', elsewhere;
  end if;
  raise exception using errcode = 'MWOK1';
exception
  when sqlstate 'MWOK1' then
    null; -- Taken back.
  when lock_not_available or deadlock_detected or serialization_failure or query_canceled then
    raise;
  when others then
    get stacked diagnostics detail = pg_exception_detail;
    raise exception 'The backfill could not update %: %', coalesce(relation::text, wanted ->> 'relation'), concat_ws(' - ', sqlerrm, nullif(detail, ''))
      using hint = 'Have the trigger or rule behind it let updates pass while current_setting(''middlewatch.backfill'', true) = ''on'', name the columns a function copies, give what a publication has a replica identity, or leave the table out of the lists.';
end
$$;
