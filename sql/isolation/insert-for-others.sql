-- Adds a copy of a row of one's own where somebody else would see it: into their tenant, in their name, or both. The last
-- query looks, from above row level security, what of that has come to stand there; it must find nothing.
-- Does nothing by hand but in a trial: begin; set local middlewatch.trial = 'on'; set local role authenticated; … rollback;
-- psql: -v schema=public -v name=clients -v owner=org_id -v self=… -v tenant=… -v other=… -v other_tenant=…
select set_config('middlewatch.attack', json_build_object(
  'relation', format('%I.%I', :'schema', :'name'), 'owner', :'owner', 'self', :'self',
  'tenant', :'tenant', 'other', :'other', 'other_tenant', :'other_tenant'
)::text, true);

do $$
declare
  attack jsonb;
  relation regclass;
  owner name;
  variant jsonb;
  into_columns text;
  as_values text;
begin
  if current_setting('middlewatch.trial', true) is distinct from 'on' then
    raise notice 'Nothing is tried outside a trial.';
    return;
  end if;
  attack := current_setting('middlewatch.attack');
  relation := attack ->> 'relation';
  owner := attack ->> 'owner';
  foreach variant in array array[
    jsonb_build_object(owner, attack ->> 'self', 'tenant_id', attack ->> 'other_tenant'),
    jsonb_build_object(owner, attack ->> 'other', 'tenant_id', null),
    jsonb_build_object(owner, attack ->> 'other', 'tenant_id', attack ->> 'tenant'),
    jsonb_build_object(owner, attack ->> 'other', 'tenant_id', attack ->> 'other_tenant')
  ] loop
    -- What the server makes itself is left to it, and what has to be unique is made anew.
    select
      string_agg(quote_ident(attname), ', ' order by attnum),
      string_agg(
        case
          when variant ? attname then quote_nullable(variant ->> attname)
          when is_key and atttypid = 'uuid'::regtype then 'gen_random_uuid()'
          when is_unique and atttypid = 'text'::regtype then format('%I || gen_random_uuid()', attname)
          else quote_ident(attname)
        end, ', ' order by attnum
      )
    into into_columns, as_values
    from pg_catalog.pg_attribute
    cross join lateral (
      select coalesce(bool_or(indisprimary), false) as is_key, count(*) > 0 as is_unique
      from pg_catalog.pg_index
      where indrelid = attrelid and indisunique and attnum = any (indkey)
    ) as key
    where attrelid = relation and attnum > 0 and not attisdropped and attgenerated = '' and attidentity = ''
      and (variant ? attname or not (is_key and atthasdef));
    begin
      execute format(
        'insert into %1$s (%2$s) select %3$s from %1$s where %4$I = %5$L limit 1',
        relation, into_columns, as_values, owner, attack ->> 'self'
      );
    exception when insufficient_privilege or check_violation or raise_exception then
      null; -- As it should be.
    end;
  end loop;
end
$$;

reset role;

-- Written by this transaction: its own age counts from zero, and what others commit meanwhile is not in its snapshot.
select *
from :"schema".:"name"
where age(xmin) <= 0 and (:"owner" = :'other'::uuid or tenant_id = :'other_tenant'::uuid);
