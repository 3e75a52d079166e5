-- psql: -v schema=public -v name=clients
drop trigger if exists zzz_tenant_9_backfill on :"schema".:"name";
drop trigger if exists zzz_tenant_2_fill on :"schema".:"name";
drop trigger if exists zzz_tenant_2_fill_new on :"schema".:"name";
drop trigger if exists zzz_tenant_1_guard_owner on :"schema".:"name";
drop trigger if exists zzz_tenant_1_guard on :"schema".:"name";
drop trigger if exists zzz_tenant_1_guard_new on :"schema".:"name";
alter table :"schema".:"name" drop column if exists tenant_id;
