-- Files that tasks make and people fetch, or give to tasks (hermodr_ledger.files).

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE files (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects,
    job_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('export', 'import', 'report')),
    owner text,
    name text NOT NULL,
    media_type text NOT NULL,
    bytes bigint,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX files_expiring ON files (expires_at);
CREATE INDEX files_of_job ON files (job_id);
CREATE INDEX files_of_owner ON files (project_id, owner) WHERE owner IS NOT NULL;
COMMENT ON TABLE files IS 'Files in the store of HERMODR_FILES_URL; a row is there before its file and goes after it.';
COMMENT ON COLUMN files.owner IS 'The end user whose task it is; null: the application''s.';
COMMENT ON COLUMN files.bytes IS 'Null until the file is stored whole.';
COMMENT ON COLUMN files.expires_at IS 'When it is deleted.';
