-- psql: -v schema=public -v name=profiles -v index=idx_profiles_tenant
create index concurrently :"index" on :"schema".:"name" (tenant_id);
