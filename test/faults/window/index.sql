create index concurrently :"index" on :"schema".:"name" (tenant);
