-- What operators changed; how often a caller may call, shared by all api processes.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE audit_log (                       -- what operators changed, written in the transaction of the change
    id uuid PRIMARY KEY,
    project_id uuid,                           -- null: the whole installation
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL CHECK (actor IN ('key', 'user', 'cli', 'sql', 'service')),
    actor_id text,                             -- the key's id, the user's id, the role
    action text NOT NULL,                      -- 'job.cancel'
    subject text,                              -- the id or name of what was changed
    detail jsonb NOT NULL DEFAULT '{}'         -- never an address, a text or a secret
);
CREATE INDEX audit_log_page ON audit_log (project_id, id);

ALTER TABLE api_keys
    ADD COLUMN rate_requests int CHECK (rate_requests > 0),  -- null: the default of HERMODR_API_RATE_LIMIT
    ADD COLUMN rate_seconds int CHECK (rate_seconds > 0),
    ADD COLUMN rate_burst int CHECK (rate_burst > 0),
    ADD CHECK (num_nulls(rate_requests, rate_seconds, rate_burst) IN (0, 3));

CREATE UNLOGGED TABLE rate_buckets (           -- full again after a crash, and that is well
    subject text PRIMARY KEY,                  -- whose: key/<id>, user/<project>/<user>
    rate float8 NOT NULL,                      -- tokens a second
    burst int NOT NULL,
    tokens float8 NOT NULL,                    -- at `at`
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    wanted int NOT NULL,                       -- what was asked and given last
    returned int NOT NULL,
    granted int NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
