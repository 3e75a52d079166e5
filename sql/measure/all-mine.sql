-- Everything row level security lets one see, and nothing said about whose: the policies alone must find the way to it.
-- psql: -v schema=public -v name=clients
select count(*) from :"schema".:"name";
