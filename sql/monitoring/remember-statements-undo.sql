drop table if exists middlewatch.statement;
drop function if exists middlewatch.statements();
drop function if exists middlewatch.why_no_statements();
