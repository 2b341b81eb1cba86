-- What listing and counting jobs needs.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE jobs ADD COLUMN requeues smallint NOT NULL DEFAULT 0;                -- how often it was asked for again
ALTER TABLE deliveries ADD COLUMN earlier_attempts smallint NOT NULL DEFAULT 0;  -- those made before it was last asked for again
CREATE INDEX dead_letters_job ON dead_letters (job_id) WHERE job_id IS NOT NULL;
