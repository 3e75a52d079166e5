-- psql: -v schema=public -v name=clients -v index=idx_clients_tenant
create index concurrently :"index" on :"schema".:"name" (tenant_id) where tenant_id is not null;
