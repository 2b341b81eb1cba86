CREATE INDEX jobs_events ON jobs (project_id, id) WHERE digest IS NOT NULL;
