-- What users may do to this table past its row level security
-- Policies hold for rows that are read and written. They are not asked when the table is emptied as a whole, nor when a trigger
-- is hung on it, which then runs with the rights of whoever writes. A Supabase project grants both to everybody, and so on
-- each partition. What came from another than the owner, by way of another role, or was passed on, is to be taken back by hand.
-- psql: -v schema=public -v name=clients
with part as (
  select format('%I.%I', :'schema'::text, :'name'::text)::regclass as oid
  union
  select relid from pg_partition_tree(format('%I.%I', :'schema'::text, :'name'::text)::regclass)
),
held as (
  select rolname, right_to,
         case when grantor <> relowner then format('granted by %s', grantor::regrole)
              when grantee <> 0 and not grantee::regrole::text = any (array['anon', 'authenticated'])
                then format('held by way of %s', grantee::regrole)
              when exists (select from aclexplode(relacl) as further where further.grantor = item.grantee)
                then format('passed on by %s', grantee::regrole)
         end as obstacle
  from part join pg_class using (oid) cross join pg_roles cross join unnest(array['TRUNCATE', 'TRIGGER']) as right_to
  left join lateral (
    select * from aclexplode(relacl)
    where privilege_type = right_to and (grantee = 0 or pg_has_role(pg_roles.oid, grantee, 'usage'))
  ) as item on true
  where rolname in ('anon', 'authenticated') and has_table_privilege(rolname, part.oid, right_to)
),
by_role as (
  select rolname, string_agg(distinct right_to, ', ') as may, string_agg(distinct obstacle, ', ') as obstacles
  from held group by rolname
)
select may, string_agg(rolname, ', ' order by rolname) as who,
       coalesce(string_agg(distinct obstacles, ', '), '') as "revoke cannot take back"
from by_role
group by may
order by may;
