-- Lists of jobs by the state of a delivery that did not arrive, by its error, and by what was reported of its reader.

CREATE INDEX deliveries_troubled ON deliveries (state, project_id, job_id)
    WHERE state IN ('retrying', 'failed', 'bounced', 'complained', 'suppressed', 'cancelled', 'skipped', 'unknown');

CREATE INDEX deliveries_errors ON deliveries (project_id, error, job_id) WHERE error IS NOT NULL;

CREATE INDEX events_looked_at ON events ((detail ->> 'kind'), job_id)
    WHERE kind = 'reported' AND (detail ->> 'kind') IN ('opened', 'clicked');
