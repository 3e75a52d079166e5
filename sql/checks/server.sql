-- What on this server would make the migration end badly
-- What one should do about it stands beside it. Where this role may not see, it says so: an empty answer would look like
-- nothing. Sizes and ages that are too much are the runbook's.
-- psql: -v snapshot_age='10 minutes' -v slot_behind='1GB' -v xid_age=1000000000
with limits as (
  select :'snapshot_age'::interval as snapshot_age, pg_size_bytes(:'slot_behind') as slot_behind,
         :'xid_age'::bigint as xid_age
),
slot as (
  select slot_name, active, wal_status, xmin, catalog_xmin,
         pg_wal_lsn_diff(case when not pg_is_in_recovery() then pg_current_wal_lsn() end, restart_lsn) as behind
  from pg_replication_slots
)
select 'a newer server' as problem, format('version %s', current_setting('server_version')) as found,
       'the steps were tried on 15 to 18: rehearse on this version first' as "what to do"
where current_setting('server_version_num')::int >= 190000
union all
select 'a prepared transaction', format('%s of %s, for %s', gid, owner, date_trunc('second', clock_timestamp() - prepared)),
       'COMMIT PREPARED or ROLLBACK PREPARED: it keeps its locks, and all rows that die, for ever'
from pg_prepared_xacts, limits
where database = current_database() and clock_timestamp() - prepared > snapshot_age
union all
select 'an old snapshot',
       format('%s %s (%s, %s) for %s', backend_type, pid, usename, coalesce(nullif(application_name, ''), '-'),
              date_trunc('second', clock_timestamp() - xact_start)),
       'end it or wait for it: while it lasts nothing the backfill leaves can be cleared away, and indexes wait for it'
from pg_stat_activity, limits
where pid <> pg_backend_pid() and datname = current_database() and clock_timestamp() - xact_start > snapshot_age
  and (backend_xmin is not null or backend_xid is not null)
union all
select 'rows kept for a standby or a slot', format('%s has an xmin %s transactions old', slot_name, age),
       'find out why its consumer does not come on: nothing the backfill leaves can be cleared away'
from slot, limits, lateral (select greatest(age(xmin), age(catalog_xmin)) as age) as oldest
where age > 1000000
union all
select 'a replication slot that is behind',
       format('%s, %s, %s, %s of WAL kept', slot_name, case when active then 'in use' else 'not in use' end,
              coalesce(wal_status, 'without WAL'), coalesce(pg_size_pretty(behind), 'unknown')),
       'let its consumer catch up, or drop the slot: the WAL of the backfill is kept for it, and may fill the disk'
from slot, limits
where behind > slot_behind or wal_status in ('unreserved', 'lost')
union all
select 'a standby that is behind',
       format('%s, %s', coalesce(nullif(application_name, ''), client_addr::text),
              pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))),
       'let it catch up first: the backfill writes much WAL'
from pg_stat_replication, limits
where not pg_is_in_recovery() and pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) > slot_behind
union all
select 'an archive that refuses', format('%s failed at %s', last_failed_wal, date_trunc('second', last_failed_time)),
       'mend archive_command: WAL is kept until it succeeds, and may fill the disk'
from pg_stat_archiver
where last_failed_time > coalesce(last_archived_time, '-infinity')
union all
select 'transaction ids run out',
       format('the oldest of this database are %s and %s transactions old', age(datfrozenxid), mxid_age(datminmxid)),
       'VACUUM first: the server stops taking writes at 2,147 million'
from pg_database, limits
where datname = current_database() and greatest(age(datfrozenxid), mxid_age(datminmxid)) > xid_age
union all
select 'autovacuum is off', format('%s = off', name), 'turn it on: every row gets a new version, and the old ones are never cleared away'
from pg_settings
where name in ('autovacuum', 'track_counts') and setting = 'off'
union all
select 'users may make functions', format('%s may create in the schema %I, where statements of ours look for what they call', rolname, nspname),
       format('take it back (REVOKE CREATE ON SCHEMA %I FROM ...): a function of theirs could run with the rights of %I', nspname, current_user)
from pg_namespace cross join pg_roles
where nspname = any (current_schemas(false)) and rolname in ('anon', 'authenticated')
  and has_schema_privilege(pg_roles.oid, pg_namespace.oid, 'create')
union all
select 'cannot tell', format('%s sessions are hidden from %s', count(*), current_user),
       'grant it pg_monitor: an old snapshot may be among them'
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type is null
having count(*) > 0;
