-- Functions that count on the columns there are
-- With one column more, what copies a whole row (`old.*`, or `select *` into another table or for columns of its own) fails, and
-- so does what returns a row of the table column by column; and a row with an empty column more is not `is not null`. Told by
-- their text, which may say it in other ways.
-- psql: -v schema=public -v name=clients
with this as (
  select oid, reltype, regexp_replace(relname, '(\W)', '\\\1', 'g') as name from pg_class
  where oid = format('%I.%I', :'schema'::text, :'name'::text)::regclass
),
function as (
  select pg_proc.oid, prosrc, prorettype, proargtypes, prosqlbody is not null as parsed,
         coalesce(proargmodes && array['o', 't']::"char"[], false) as own_columns,
         prosrc ~* concat(
           '(\m(from|join|into|update|using|only)|,)\s+(("?)', regexp_replace(:'schema'::text, '(\W)', '\\\1', 'g'), '\4\.)?("?)',
           regexp_replace(:'name'::text, '(\W)', '\\\1', 'g'), '\5(?!\w)') as names_it
  from pg_proc join pg_language on pg_language.oid = prolang
  where lanname in ('sql', 'plpgsql')
    and pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
)
select function.oid::regprocedure::text as function, string_agg(distinct why, '; ') as because
from this cross join function
cross join lateral (
  select format('trigger %s of %s copies the whole row, or asks whether it is NULL', tgname, tgrelid::regclass) as why
  from pg_trigger
  where tgfoid = function.oid
    and (prosrc ~* '\.\s*\*|\m(old|new)\s+is\s+(not\s+)?null'
      or (tgoldtable is not null or tgnewtable is not null) and prosrc ~* '\mselect\s+(\S+\.)?\*')
    and (tgrelid = this.oid or tgparentid = 0 and tgrelid in (select relid from pg_partition_tree(this.oid)))
  union all
  select 'returns rows of it column by column'
  where prorettype = this.reltype and (parsed or prosrc !~ '\*' or prosrc ~* '\m(union|intersect|except)\M')
  union all
  select 'takes rows of it, and passes all their columns on'
  where this.reltype = any (proargtypes) and prosrc ~* '\w\s*\.\s*\*'
  union all
  select 'asks whether a row of it is NULL as a whole'
  where prosrc ~* concat('(\m\w+)\s+(\S+\.)?"?', this.name, '"?(%rowtype)?\s*;.*\m\1\s+is\s+(not\s+)?null')
  union all
  select 'passes all its columns on'
  where names_it and (own_columns and prosrc ~* '\m(select|returning)\s+(\S+\.)?\*'
                      or prosrc ~* '\minsert\s+into\s+\S+\s*(\s+as\s+\w+)?\s*(\([^()]*\))?\s*\(?\s*(select\s+(distinct\s+|all\s+)?(\S+\.)?\*|table\M)'
                      or prosrc ~* '\mvalues\s*\([^()]*\.\s*\*')
) as found
group by function.oid
order by 1;
