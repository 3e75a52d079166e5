-- Takes away what an earlier attempt left on one table, and keeps the ids it had filled in. The column's indexes and its
-- foreign key go with it. Without CASCADE: what has come to depend on the column stops this, and is named.
-- psql: -v schema=public -v name=clients -v key=id
create schema if not exists middlewatch;
create table if not exists middlewatch.leftover (of text not null, key text, kept jsonb not null, at timestamptz not null default now());

select set_config('middlewatch.leftover', json_build_object(
  'relation', format('%I.%I', :'schema', :'name'), 'key', :'key'
)::text, true);

do $$
-- locks: ACCESS EXCLUSIVE on the table it is run for, the table a foreign key of it refers to
declare
  leftover jsonb := current_setting('middlewatch.leftover');
  relation regclass := leftover ->> 'relation';
  type_found text;
  first_unseen xid;
  keep text;
  left_behind name;
  dependents text;
begin
  select format_type(atttypid, atttypmod) into type_found
  from pg_attribute where attrelid = relation and attname = 'tenant_id' and not attisdropped;
  if type_found <> 'uuid' then
    raise exception '%.tenant_id is not what an earlier attempt of this migration made: it is of type %', relation, type_found
      using hint = 'It has to have another name before this migration can make its own.';
  end if;
  if type_found is not null then
    first_unseen := pg_snapshot_xmin(pg_current_snapshot())::xid;
    keep := format(
      'insert into middlewatch.leftover (of, key, kept)
       select %1$L, %2$I::text, to_jsonb(tenant_id) from %1$s as filled where tenant_id is not null',
      relation, leftover ->> 'key'
    );
    -- Before the table is locked, for it takes its time; and then what was written by transactions that could not be seen.
    execute keep;
    execute format('lock table %s in access exclusive mode', relation);
    execute keep || format(
      ' and age(xmin) <= $1 and not exists (
         select from middlewatch.leftover
         where of = %1$L and key is not distinct from filled.%2$I::text and kept = to_jsonb(tenant_id))',
      relation, leftover ->> 'key'
    ) using age(first_unseen);
  end if;
  for left_behind in select tgname from pg_trigger where tgrelid = relation and tgname ~ '^(zzz_tenant_\d_|!tenant_sign_up)' loop
    execute format('drop trigger %I on %s', left_behind, relation);
  end loop;
  -- With the column would go, unsaid, what is about others as well.
  select string_agg(format('constraint %I', conname), ', ') into dependents
  from pg_constraint join pg_attribute on attrelid = conrelid and attname = 'tenant_id' and attnum = any (conkey)
  where conrelid = relation and cardinality(conkey) > 1;
  if dependents is not null then
    raise dependent_objects_still_exist using message = 'more than one column', detail = dependents;
  end if;
  execute format('alter table %s drop column if exists tenant_id', relation);
exception when dependent_objects_still_exist then
  get stacked diagnostics dependents = pg_exception_detail;
  raise exception 'Something depends on the tenant_id that an earlier attempt left on %: %', relation, dependents
    using hint = 'Drop that, or put back what was there before it, then retry. If these are policies, somebody has to know the ones they replaced.';
end
$$;
