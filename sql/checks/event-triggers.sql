-- Event triggers that our statements would fire
select evtname as "event trigger", evtevent as fires, evtfoid::regprocedure::text as runs,
       evtowner::regrole::text as owner,
       case evtevent when 'table_rewrite' then 'may refuse' when 'sql_drop' then 'may refuse a rollback' else 'may refuse, or do something of its own' end
         || ', in the same transaction' as consequence
from pg_event_trigger
where evtenabled in ('O', 'A')
  and (evttags is null or evttags && array[
    'ALTER TABLE', 'COMMENT', 'CREATE TABLE', 'CREATE FUNCTION', 'CREATE INDEX', 'CREATE POLICY', 'CREATE TRIGGER', 'GRANT', 'REVOKE',
    'CREATE SCHEMA', 'DROP FUNCTION', 'DROP INDEX', 'DROP POLICY', 'DROP TABLE', 'DROP TRIGGER'])
order by evtname;
