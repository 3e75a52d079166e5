import type { PoolClient } from 'pg';

/** Rights as they are, whether granted by word or by default, in an order of their own. */
const rights = (acl: string, fallback: string) =>
  `(select string_agg(item::text, ' ' order by item::text) from unnest(coalesce(${acl}, ${fallback})) item)`;

const comment = (of: string, catalog: string, part = '0') =>
  `coalesce((select ' comment ' || quote_literal(description) from pg_description
    where objoid = ${of} and classoid = '${catalog}'::regclass and objsubid = ${part}), '')`;

/** How a table is kept, and what it is part of, where it is not as usual. */
const WAYS_OF_A_TABLE = `concat_ws(' ', '',
             case relpersistence when 'u' then 'unlogged' when 't' then 'temporary' end,
             'with ' || reloptions::text, 'toast with ' || (select reloptions::text from pg_class t where t.oid = reltoastrelid),
             'in tablespace ' || (select spcname from pg_tablespace s where s.oid = reltablespace),
             'using ' || (select amname from pg_am am where am.oid = relam and amname not in ('heap', 'btree')),
             case when relkind in ('r', 'p') and relreplident <> 'd' then 'replica identity ' || relreplident::text end,
             'of type ' || nullif(reloftype, 0)::regtype, 'partitioned by ' || pg_get_partkeydef(oid),
             'inherits ' || (select string_agg(inhparent::regclass::text, ', ' order by inhseqno) from pg_inherits where inhrelid = oid),
             pg_get_expr(relpartbound, oid),
             (select concat('on ', srvname, ' ', ftoptions) from pg_foreign_table join pg_foreign_server s on s.oid = ftserver where ftrelid = relation.oid))`;

/**
 * One line an object. No OIDs and no column numbers, which change when a thing is made anew; no triggers of our own. Under
 * an empty search_path every name in an expression is written in full (F3).
 */
const INVENTORY = `
with scope as (
  select oid from pg_namespace where nspname = any ($1)
), relation as (
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
           ${WAYS_OF_A_TABLE},
           ${rights('relacl', "acldefault(case relkind when 'S' then 's' else 'r' end::\"char\", relowner)")},
           ${comment('oid', 'pg_class')})
    from relation
  union all
  select format('column %s.%I %s%s%s%s%s%s%s%s', name, attname, format_type(atttypid, atttypmod),
           case when attcollation <> t.typcollation then ' collate ' || attcollation::regcollation else '' end,
           case when attnotnull then ' not null' else '' end,
           coalesce(case when attgenerated = '' then ' default ' else ' generated ' end || pg_get_expr(adbin, adrelid), ''),
           case attidentity when 'a' then ' identity always' when 'd' then ' identity' else '' end,
           concat(case when attstorage <> t.typstorage then ' storage ' || attstorage::text end, ' compression ' || nullif(attcompression::text, ''),
             case when attstattarget >= 0 then ' statistics ' || attstattarget end, ' with ' || attoptions::text, ' with ' || attfdwoptions::text),
           coalesce(' rights ' || ${rights('attacl', 'null')}, ''),
           ${comment('attrelid', 'pg_class', 'attnum')})
    from relation join pg_attribute on attrelid = relation.oid and attnum > 0 and not attisdropped
    join pg_type t on t.oid = atttypid
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
  union all
  select format('view %s is %s', name, md5(pg_get_viewdef(oid))) from relation where relkind in ('v', 'm')
  union all
  select format('rule %I on %s is %s fires %s%s', rulename, name, md5(pg_get_ruledef(r.oid)), ev_enabled,
           ${comment('r.oid', 'pg_rewrite')})
    from relation join pg_rewrite r on ev_class = relation.oid where rulename <> '_RETURN'
  union all
  select format('sequence %s as %s start %s increment %s from %s to %s%s', name, seqtypid::regtype, seqstart, seqincrement,
           seqmin, seqmax, concat(' cache ', seqcache, case when seqcycle then ' cycle' end, ' owned by ' || (
             select concat(refobjid::regclass, '.', quote_ident(attname)) from pg_depend
               join pg_attribute on attrelid = refobjid and attnum = refobjsubid
              where classid = 'pg_class'::regclass and objid = seqrelid and deptype in ('a', 'i'))))
    from relation join pg_sequence on seqrelid = relation.oid
  union all
  select format('constraint %I on %s %s%s%s', conname, name, pg_get_constraintdef(con.oid),
           case when convalidated then '' else ' not validated' end, ${comment('con.oid', 'pg_constraint')})
    from relation join pg_constraint con on conrelid = relation.oid
  union all
  select format('index %s%s%s%s%s', pg_get_indexdef(indexrelid), case when indisvalid then '' else ' INVALID' end,
           case when indisclustered then ' clustered' else '' end, case when indisreplident then ' replica identity' else '' end,
           concat(' in tablespace ' || (select spcname from pg_tablespace s where s.oid = i.reltablespace),
             ${comment('indexrelid', 'pg_class')}))
    from relation join pg_index on indrelid = relation.oid join pg_class i on i.oid = indexrelid
  union all
  select format('policy %I on %s %s for %s to %s using %s with check %s%s', polname, name,
           case when polpermissive then 'permissive' else 'restrictive' end, polcmd,
           (select string_agg(case r when 0 then 'public' else r::regrole::text end, ', ' order by r::regrole::text)
              from unnest(polroles) r),
           coalesce(pg_get_expr(polqual, polrelid), 'nothing'), coalesce(pg_get_expr(polwithcheck, polrelid), 'nothing'),
           ${comment('pol.oid', 'pg_policy')})
    from relation join pg_policy pol on polrelid = relation.oid
  union all
  select format('trigger %s%s%s', pg_get_triggerdef(tg.oid), case tgenabled when 'O' then '' else ' fires ' || tgenabled::text end,
           ${comment('tg.oid', 'pg_trigger')})
    from relation join pg_trigger tg on tgrelid = relation.oid
    join pg_proc p on p.oid = tgfoid
   where not tgisinternal and p.pronamespace <> coalesce(to_regnamespace('middlewatch'), 0)
  union all
  select format('%s %s.%s owner %s is %s rights %s%s',
           case prokind when 'p' then 'procedure' when 'a' then 'aggregate' when 'w' then 'window function' else 'function' end,
           pronamespace::regnamespace, format('%I(%s)', proname, pg_get_function_identity_arguments(p.oid)), proowner::regrole,
           case prokind when 'a' then (select concat_ws(' ', aggtransfn, aggfinalfn, aggcombinefn, aggtranstype::regtype, agginitval)
                                         from pg_aggregate where aggfnoid = p.oid)
             else md5(pg_get_functiondef(p.oid)) end,
           ${rights('proacl', "acldefault('f', proowner)")}, ${comment('p.oid', 'pg_proc')})
    from pg_proc p where pronamespace in (table scope)
  union all
  select format('type %s owner %s %s rights %s%s', t.oid::regtype, typowner::regrole,
           case typtype when 'e' then (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder)
                                         from pg_enum where enumtypid = t.oid)
             when 'd' then format('domain of %s%s%s', format_type(typbasetype, typtypmod),
                             case when typnotnull then ' not null' else '' end, coalesce(' default ' || typdefault, ''))
             when 'r' then (select 'range of ' || rngsubtype::regtype from pg_range where rngtypid = t.oid)
             else 'base' end,
           ${rights('typacl', "acldefault('T', typowner)")}, ${comment('t.oid', 'pg_type')})
    from pg_type t
   where typnamespace in (table scope) and (typtype in ('e', 'd', 'r') or typtype = 'b' and typcategory <> 'A')
  union all
  select format('domain constraint %I on %s %s', conname, contypid::regtype, pg_get_constraintdef(con.oid))
    from pg_constraint con join pg_type t on t.oid = contypid
   where t.typnamespace in (table scope)
  union all
  select format('statistics %s owner %s%s', pg_get_statisticsobjdef(s.oid), stxowner::regrole, ${comment('s.oid', 'pg_statistic_ext')})
    from pg_statistic_ext s where stxnamespace in (table scope)
  union all
  select format('publication %I has %s%s%s', pubname, name,
           ' (' || (select string_agg(quote_ident(attname), ', ' order by attname) from pg_attribute
                     where attrelid = prrelid and attnum = any (prattrs)) || ')',
           ' where ' || pg_get_expr(prqual, prrelid))
    from relation join pg_publication_rel on prrelid = relation.oid join pg_publication pub on pub.oid = prpubid
  union all
  select format('publication %I has schema %s', pubname, pnnspid::regnamespace)
    from pg_publication_namespace join pg_publication pub on pub.oid = pnpubid where pnnspid in (table scope)
  union all
  select format('default rights of %s in %s on %s: %s', defaclrole::regrole,
           case defaclnamespace when 0 then 'every schema' else defaclnamespace::regnamespace::text end,
           case defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types'
             else defaclobjtype::text end,
           ${rights('defaclacl', 'null')})
    from pg_default_acl where defaclnamespace = 0 or defaclnamespace in (table scope)
  union all
  select format('event trigger %I on %s%s fires %s executes %s', evtname, evtevent, ' of ' || evttags::text, evtenabled, evtfoid::regproc)
    from pg_event_trigger
  union all
  select format('extension %I %s', extname, extversion) from pg_extension where extnamespace in (table scope)
  union all
  select format('security label of %s for %s %s: %s', provider, objtype, objname, label)
    from pg_seclabels where objnamespace in (table scope)
)
select text from line order by text collate "C"`;

/**
 * What there is in these schemas, one line an object, in order: tables, columns, constraints, indexes, policies, triggers,
 * functions, types, sequences, views, extended statistics, publications, rights and default rights, comments, labels, and
 * the database's event triggers. Two catalogs are the same when their lines are. Runs in the transaction under way
 * and leaves its search_path empty.
 */
export async function inventory(client: PoolClient, schemas: string[]): Promise<string[]> {
  await client.query("select set_config('search_path', '', true)");
  const { rows } = await client.query<{ text: string }>(INVENTORY, [schemas]);
  return rows.map(({ text }) => text);
}
