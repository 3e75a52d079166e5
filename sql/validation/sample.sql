-- Three rows of a table as they are before the migration, kept for a person to compare with what became of them. A json
-- column may hold what jsonb refuses (\u0000, half a surrogate pair): escapes are kept as they are written.
-- psql: -v schema=public -v name=clients -v key=id
create schema if not exists middlewatch;

create table if not exists middlewatch.sample (
  name text,
  key text,
  row jsonb not null,
  primary key (name, key)
);

insert into middlewatch.sample (name, key, row)
select :'schema' || '.' || :'name', each.:"key"::text,
       regexp_replace(row_to_json(each.*)::text, '(?<!\\)((?:\\\\)*)\\u', '\1\\\\u', 'g')::jsonb
from :"schema".:"name" as each
order by md5(each.:"key"::text)
limit 3
on conflict do nothing;
