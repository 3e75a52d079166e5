create policy mine on :"schema".:"name" using (tenant = current_setting('app.tenant')::int);
