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
