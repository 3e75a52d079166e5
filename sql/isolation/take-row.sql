-- Takes over a row of the owner's, without reading it: only the policies for UPDATE are in the way then. Must be refused, or
-- touch no row. A trial has put the cursor on the row; by hand there is none.
-- psql: -v schema=public -v name=clients -v owner=org_id -v self=...
update :"schema".:"name" set :"owner" = :'self'::uuid where current of the_row;
