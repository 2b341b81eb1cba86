-- Lists of jobs by the state of a delivery that did not arrive (each has an error), by its error, and by what was reported
-- of its reader. No index may have the state: a claim changes it, and would write to every index.

CREATE INDEX deliveries_troubled ON deliveries (project_id, job_id) WHERE error IS NOT NULL;

CREATE INDEX deliveries_errors ON deliveries (project_id, error, job_id) WHERE error IS NOT NULL;

CREATE INDEX events_looked_at ON events ((detail ->> 'kind'), job_id)
    WHERE kind = 'reported' AND (detail ->> 'kind') IN ('opened', 'clicked', 'complained');
