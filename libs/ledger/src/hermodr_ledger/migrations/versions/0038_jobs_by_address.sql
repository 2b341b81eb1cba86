-- Jobs by address: bare ones by the job, recipients' by their deliveries, which go into the second index once they are
-- done. Each partition's index is built concurrently.

CREATE INDEX jobs_to ON jobs (project_id, lower(coalesce(to_email, to_phone)), id)
    WHERE coalesce(to_email, to_phone) IS NOT NULL;
CREATE INDEX deliveries_waiting_to ON deliveries (project_id, lower(address), job_id) WHERE wake_at IS NOT NULL;
CREATE INDEX deliveries_went_to ON deliveries (project_id, lower(address), job_id)
    WHERE recipient_id IS NOT NULL AND wake_at IS NULL;
