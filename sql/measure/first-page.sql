-- The first of everything one may see, in the order of the key.
-- psql: -v schema=public -v name=clients -v key=id
select * from :"schema".:"name" order by :"key" limit 50;
