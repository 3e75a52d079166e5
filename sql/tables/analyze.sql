-- What the planner knows of the table takes in the new column, before policies ask for it.
-- psql: -v schema=public -v name=clients
analyze :"schema".:"name";
