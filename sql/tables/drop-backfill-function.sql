drop function public.keep_row_in_backfill();
