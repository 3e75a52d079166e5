drop table if exists middlewatch.sample;
