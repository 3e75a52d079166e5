select count(*) from :"schema".:"name" where tenant is null;
