drop table if exists middlewatch.statement;
