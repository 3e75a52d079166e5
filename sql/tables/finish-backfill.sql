-- The backfill is over: its trigger goes, the others stay.
-- psql: -v schema=public -v name=clients
drop trigger zzz_tenant_9_backfill on :"schema".:"name";
