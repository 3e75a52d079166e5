-- A row of the owner is as a rule one of the tenant too, which the planner does not know: it adds the two up, and goes for
-- plans that suit twice as many rows. Told that a tenant has one row, it reckons with the owner's alone, as before.
-- psql: -v schema=public -v name=clients
-- Whoever signs up comes to the tenants first, and to this table after; so does this, and what follows in its transaction.
lock table public.tenants in share row exclusive mode;

alter table :"schema".:"name" alter column tenant_id set (n_distinct = -1);
