-- People who sign up from now on get their tenant with their profile. After the insert, because the tenant refers to it; and
-- by its name before all else that is done then, so that rows which other triggers give to new people find it. What they have
-- by then all the same, and what an account without a profile had, gets it too, out of quarantine as well. The updates are made
-- as the backfill makes them: they say so, for triggers that let those pass, in nobody's name, and along the path of whoever
-- migrates. The tables are those that fill_tenant_id() looks after, once there are any.
-- psql: -v label=name
create function public.give_profile_a_tenant() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
  as $$
#variable_conflict use_variable
declare
  said text := coalesce(current_setting('middlewatch.backfill', true), '');
  claims text := coalesce(current_setting('request.jwt.claims', true), '');
  label text;
  tenant uuid;
  quarantine uuid[];
  filled record;
  theirs text;
  there boolean;
begin
  execute pg_catalog.format('select ($1).%I::text', tg_argv[0]) into label using new;
  insert into public.tenants (name, owner_id)
  values (coalesce(label || '''s Organization', 'Organization'), new.id)
  on conflict (owner_id) do nothing;
  select id into tenant from public.tenants where owner_id = new.id;
  select array_agg(id) into quarantine from public.tenants where owner_id is null and settings @> '{"quarantine": true}';

  perform set_config('middlewatch.backfill', 'on', true);
  if claims <> '' then
    perform set_config('request.jwt.claims', '{}', true);
  end if;
  update public.profiles set tenant_id = tenant where id = new.id;
  for filled in
    -- The name of the owner's column is their one argument, and ends with a NUL.
    select tgrelid::regclass as relation,
           convert_from(substring(tgargs for length(tgargs) - 1), getdatabaseencoding()) as owner
    from pg_trigger
    where tgname = 'zzz_tenant_2_fill_new' and tgfoid = to_regprocedure('public.fill_tenant_id()') and tgparentid = 0
  loop
    begin
      theirs := pg_catalog.format('%I = $2 and (tenant_id is null or tenant_id = any ($3))', filled.owner);
      execute pg_catalog.format('select exists (select from %s where $1 is not null and %s)', filled.relation, theirs)
      into there using tenant, new.id, quarantine;
      -- Without a row, the table's triggers for statements have nothing to be asked about.
      continue when not there;
      execute pg_catalog.format('update %s set tenant_id = $1 where %s', filled.relation, theirs)
      using tenant, new.id, quarantine;
    exception when others then
      -- Nobody is kept from signing up by it: what the application refuses, or a rollback has just taken away, stays as it is.
      if sqlstate ~ '^(40|53|55|57|XX)' then
        raise;
      end if;
    end;
  end loop;
  perform set_config('middlewatch.backfill', said, true);
  if claims <> '' then
    perform set_config('request.jwt.claims', claims, true);
  end if;

  return null;
end
$$;

do $$
-- locks: nothing
begin
  execute format(
    'alter function public.give_profile_a_tenant() set search_path = %s',
    (select concat_ws(', ', 'pg_catalog', string_agg(quote_ident(schema), ', '), 'pg_temp')
     from unnest(current_schemas(false)) as along (schema))
  );
end
$$;

revoke all on function public.give_profile_a_tenant() from public, anon, authenticated;

create trigger "!tenant_sign_up" after insert on public.profiles
  for each row when (new.tenant_id is null)
  execute function public.give_profile_a_tenant(:'label');
