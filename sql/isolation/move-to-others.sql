-- Puts a row of one's own where somebody else would see it: into their tenant, or into their name. The last query looks,
-- from above row level security, what of that has come to stand there; it must find nothing.
-- Does nothing by hand but in a trial: begin; set local middlewatch.trial = 'on'; set local role authenticated; … rollback;
-- psql: -v schema=public -v name=clients -v owner=org_id -v self=… -v other=… -v other_tenant=…
select set_config('middlewatch.attack', json_build_object(
  'relation', format('%I.%I', :'schema', :'name'), 'owner', :'owner', 'self', :'self',
  'other', :'other', 'other_tenant', :'other_tenant'
)::text, true);

do $$
declare
  attack jsonb;
  change text;
begin
  if current_setting('middlewatch.trial', true) is distinct from 'on' then
    raise notice 'Nothing is tried outside a trial.';
    return;
  end if;
  attack := current_setting('middlewatch.attack');
  foreach change in array array[
    format('tenant_id = %L', attack ->> 'other_tenant'),
    format('%I = %L', attack ->> 'owner', attack ->> 'other'),
    format('%I = %L, tenant_id = %L', attack ->> 'owner', attack ->> 'other', attack ->> 'other_tenant')
  ] loop
    begin
      execute format(
        'update %1$s set %2$s where ctid = (select ctid from %1$s where %3$I = %4$L limit 1)',
        attack ->> 'relation', change, attack ->> 'owner', attack ->> 'self'
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
