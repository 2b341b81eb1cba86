-- A schedule of every second has eight million occurrences in ninety days: its deletion does not wait for theirs. Nobody is
-- shown them any more, and they are deleted when they are old.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE schedule_runs DROP CONSTRAINT schedule_runs_schedule_id_fkey;
