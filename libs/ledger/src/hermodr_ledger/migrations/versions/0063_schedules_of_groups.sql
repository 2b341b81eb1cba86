-- Those that write to groups fire apart from the others: each looks for its own without reading the others'.

SET LOCAL search_path = hermodr, pg_catalog;

DROP INDEX schedules_due;
CREATE INDEX schedules_due ON schedules (next_run_at)
    WHERE next_run_at IS NOT NULL AND (to_kind IS NULL OR to_kind <> 'group_id');
CREATE INDEX schedules_due_of_groups ON schedules (next_run_at) WHERE next_run_at IS NOT NULL AND to_kind = 'group_id';
