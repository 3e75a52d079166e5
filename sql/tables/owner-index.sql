-- psql: -v schema=public -v name=clients -v owner=org_id -v index=idx_clients_owner
create index concurrently :"index" on :"schema".:"name" (:"owner");
