-- Tasks whose end is followed by another task or a notification (hermodr_ledger.tasks.endings).

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE task_endings (
    job_id uuid PRIMARY KEY
);
COMMENT ON TABLE task_endings IS 'Tasks whose end is to be followed by something; the row goes when that is requested.';
