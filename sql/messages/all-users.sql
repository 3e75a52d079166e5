select email from auth.users where email is not null order by id;
