-- Tasks that begin when other jobs have completed (hermodr_ledger.tasks.dependencies).

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE task_dependencies (
    job_id uuid,
    on_job_id uuid,                      -- must have completed before
    PRIMARY KEY (job_id, on_job_id)
);
CREATE INDEX task_dependencies_on ON task_dependencies (on_job_id, job_id);
COMMENT ON TABLE task_dependencies IS 'What tasks wait for that would be due otherwise; those that began or ended have none.';
