import type { PoolClient } from 'pg';

/** Rights as they are, whether granted by word or by default, in an order of their own. */
const rights = (acl: string, fallback: string) =>
  `(select string_agg(item::text, ' ' order by item::text) from unnest(coalesce(${acl}, ${fallback})) item)`;

const comment = (of: string, catalog: string, part = '0') =>
  `coalesce((select ' comment ' || quote_literal(description) from pg_description
    where objoid = ${of} and classoid = '${catalog}'::regclass and objsubid = ${part}), '')`;

/**
 * One line an object. No OIDs and no column numbers, which change when a thing is made anew; no triggers of our own. Under
 * an empty search_path every name in an expression is written in full (F3).
 */
const INVENTORY = `
with relation as (
  select c.*, format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname = any ($1) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
), line (text) as (
  select format('schema %I owner %s rights %s', nspname, nspowner::regrole, ${rights('nspacl', "acldefault('n', nspowner)")})
    from pg_namespace where nspname = any ($1)
  union all
  select format('%s %s owner %s%s%s%s rights %s%s',
           case relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
             when 'm' then 'materialized view' when 'f' then 'foreign table' when 'S' then 'sequence' else 'type' end,
           name, relowner::regrole,
           case when relrowsecurity then ' row security' else '' end,
           case when relforcerowsecurity then ' forced' else '' end,
           coalesce(' with ' || reloptions::text, '') || coalesce(' ' || pg_get_expr(relpartbound, oid), ''),
           ${rights('relacl', "acldefault(case relkind when 'S' then 's' else 'r' end::\"char\", relowner)")},
           ${comment('oid', 'pg_class')})
    from relation
  union all
  select format('column %s.%I %s%s%s%s%s%s%s', name, attname, format_type(atttypid, atttypmod),
           case when attcollation <> t.typcollation then ' collate ' || attcollation::regcollation else '' end,
           case when attnotnull then ' not null' else '' end,
           coalesce(case when attgenerated = '' then ' default ' else ' generated ' end || pg_get_expr(adbin, adrelid), ''),
           case attidentity when 'a' then ' identity always' when 'd' then ' identity' else '' end,
           coalesce(' rights ' || ${rights('attacl', 'null')}, ''),
           ${comment('attrelid', 'pg_class', 'attnum')})
    from relation join pg_attribute on attrelid = relation.oid and attnum > 0 and not attisdropped
    join pg_type t on t.oid = atttypid
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
  union all
  select format('view %s is %s', name, md5(pg_get_viewdef(oid))) from relation where relkind in ('v', 'm')
  union all
  select format('rule %s on %s is %s', rulename, name, md5(pg_get_ruledef(r.oid)))
    from relation join pg_rewrite r on ev_class = relation.oid where rulename <> '_RETURN'
  union all
  select format('sequence %s as %s start %s increment %s from %s to %s%s', name, seqtypid::regtype, seqstart, seqincrement,
           seqmin, seqmax, case when seqcycle then ' cycle' else '' end)
    from relation join pg_sequence on seqrelid = relation.oid
  union all
  select format('constraint %I on %s %s%s%s', conname, name, pg_get_constraintdef(con.oid),
           case when convalidated then '' else ' not validated' end, ${comment('con.oid', 'pg_constraint')})
    from relation join pg_constraint con on conrelid = relation.oid
  union all
  select format('index %s%s%s%s%s', pg_get_indexdef(indexrelid), case when indisvalid then '' else ' INVALID' end,
           case when indisclustered then ' clustered' else '' end, case when indisreplident then ' replica identity' else '' end,
           ${comment('indexrelid', 'pg_class')})
    from relation join pg_index on indrelid = relation.oid
  union all
  select format('policy %I on %s %s for %s to %s using %s with check %s%s', polname, name,
           case when polpermissive then 'permissive' else 'restrictive' end, polcmd,
           (select string_agg(case r when 0 then 'public' else r::regrole::text end, ', ' order by r::regrole::text)
              from unnest(polroles) r),
           coalesce(pg_get_expr(polqual, polrelid), 'nothing'), coalesce(pg_get_expr(polwithcheck, polrelid), 'nothing'),
           ${comment('pol.oid', 'pg_policy')})
    from relation join pg_policy pol on polrelid = relation.oid
  union all
  select format('trigger %s%s', pg_get_triggerdef(tg.oid), case tgenabled when 'O' then '' else ' fires ' || tgenabled::text end)
    from relation join pg_trigger tg on tgrelid = relation.oid
    join pg_proc p on p.oid = tgfoid
   where not tgisinternal and p.pronamespace <> coalesce(to_regnamespace('middlewatch'), 0)
  union all
  select format('%s %s.%s owner %s is %s rights %s%s',
           case prokind when 'p' then 'procedure' when 'a' then 'aggregate' when 'w' then 'window function' else 'function' end,
           pronamespace::regnamespace, format('%I(%s)', proname, pg_get_function_identity_arguments(p.oid)), proowner::regrole,
           case when prokind in ('f', 'p') then md5(pg_get_functiondef(p.oid)) else '(aggregate)' end,
           ${rights('proacl', "acldefault('f', proowner)")}, ${comment('p.oid', 'pg_proc')})
    from pg_proc p where pronamespace in (select oid from pg_namespace where nspname = any ($1))
  union all
  select format('type %s owner %s %s', t.oid::regtype, typowner::regrole,
           case typtype when 'e' then (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder)
                                         from pg_enum where enumtypid = t.oid)
             when 'd' then format('domain of %s%s%s', format_type(typbasetype, typtypmod),
                             case when typnotnull then ' not null' else '' end, coalesce(' default ' || typdefault, ''))
             else typtype::text end)
    from pg_type t
   where typnamespace in (select oid from pg_namespace where nspname = any ($1)) and typtype in ('e', 'd', 'r')
  union all
  select format('domain constraint %I on %s %s', conname, contypid::regtype, pg_get_constraintdef(con.oid))
    from pg_constraint con join pg_type t on t.oid = contypid
   where t.typnamespace in (select oid from pg_namespace where nspname = any ($1))
  union all
  select pg_get_statisticsobjdef(s.oid) from pg_statistic_ext s
   where stxnamespace in (select oid from pg_namespace where nspname = any ($1))
  union all
  select format('publication %I has %s', pubname, name)
    from relation join pg_publication_rel on prrelid = relation.oid join pg_publication pub on pub.oid = prpubid
)
select text from line order by text collate "C"`;

/**
 * What there is in these schemas, one line an object, in order: tables, columns, constraints, indexes, policies, triggers,
 * functions, types, rights, comments. Two catalogs are the same when their lines are. Runs in the transaction under way
 * and leaves its search_path empty.
 */
export async function inventory(client: PoolClient, schemas: string[]): Promise<string[]> {
  await client.query("select set_config('search_path', '', true)");
  const { rows } = await client.query<{ text: string }>(INVENTORY, [schemas]);
  return rows.map(({ text }) => text);
}
