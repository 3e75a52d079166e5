-- Takes over without looking: an UPDATE that reads no column is held back by the policies for UPDATE alone, those for SELECT
-- do not come into it. Tried by whoever sees no row of the table, and one row is as far as it goes. Must touch none.
-- Does nothing by hand but in a trial: begin; set local middlewatch.trial = 'on'; set local role authenticated; … rollback;
-- psql: -v schema=public -v name=clients -v owner=org_id -v self=…
select set_config('middlewatch.attack', json_build_object(
         'relation', format('%I.%I', :'schema', :'name'), 'owner', :'owner', 'self', :'self'
       )::text, true),
       set_config('middlewatch.reached', '0', true);

do $$
declare
  attack jsonb;
  sees boolean;
  reached bigint;
begin
  if current_setting('middlewatch.trial', true) is distinct from 'on' then
    raise notice 'Nothing is tried outside a trial.';
    return;
  end if;
  attack := current_setting('middlewatch.attack');
  execute format('select exists (select from %s)', attack ->> 'relation') into sees;
  if sees then return; end if;
  begin
    -- Policies come first, so only a row that they let through is counted.
    execute format(
      'update %s set %I = %L
       where set_config(''middlewatch.reached'', (current_setting(''middlewatch.reached'')::int + 1)::text, true)::int = 1',
      attack ->> 'relation', attack ->> 'owner', attack ->> 'self'
    );
    get diagnostics reached = row_count;
  exception when foreign_key_violation or unique_violation then
    reached := 1; -- The policies let it through; only what else holds for the table has saved it.
  end;
  perform set_config('middlewatch.reached', reached::text, true);
end
$$;

select 'a row of somebody else' as reached where current_setting('middlewatch.reached')::int > 0;
