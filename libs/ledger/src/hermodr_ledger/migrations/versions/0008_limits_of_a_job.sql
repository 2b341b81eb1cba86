-- What ends a job before its ladder does: a moment, a number of retries, a key it is cancelled by.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE jobs
    ADD COLUMN expires_at timestamptz,         -- what was not handed to a provider by then is not sent any more
    ADD COLUMN max_retries smallint,           -- steps of the ladder at most, 0: one attempt; null: the whole ladder
    ADD COLUMN cancel_key text;                -- cancelled together with all others of the project that carry it
ALTER TABLE deliveries ADD COLUMN expires_at timestamptz;   -- its job's, so that sweeping and claiming need no join

-- None of these columns changes after the job was taken on, and `wake_at` is indexed already: no update that was HOT
-- ceases to be. (A condition on `finished_at` would make every job's completion write all its indexes anew.)
CREATE INDEX jobs_cancel_key ON jobs (project_id, cancel_key, id) WHERE cancel_key IS NOT NULL;
CREATE INDEX jobs_expiry ON jobs (expires_at) WHERE expires_at IS NOT NULL AND wake_at IS NOT NULL;
CREATE INDEX deliveries_expiry ON deliveries (expires_at) WHERE expires_at IS NOT NULL AND wake_at IS NOT NULL;

-- The default ladder, until a scheduler has written the one it is configured with.
DELETE FROM retry_ladder;
INSERT INTO retry_ladder VALUES (1, '10 seconds'), (2, '60 seconds'), (3, '5 minutes'), (4, '20 minutes'), (5, '1 hour'),
    (6, '4 hours'), (7, '12 hours');
