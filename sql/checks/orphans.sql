-- Rows that no profile owns: there is no tenant to give them
-- psql: -v schema=public -v name=clients -v owner=org_id
select case when owned.:"owner" is null then 'no owner at all' else 'the owner has no profile' end as why,
       count(*) as rows, count(distinct owned.:"owner") as owners,
       min(owned.:"owner"::text) as for_instance
from :"schema".:"name" as owned
where not exists (select from public.profiles as profile where profile.id = owned.:"owner")
group by 1;
