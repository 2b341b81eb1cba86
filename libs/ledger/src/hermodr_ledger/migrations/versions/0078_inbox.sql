-- What people are told in the application itself.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE inbox (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    user_id text NOT NULL,
    recipient_id uuid NOT NULL,
    job_id uuid NOT NULL,
    delivery_id uuid NOT NULL UNIQUE,
    type text,
    title text NOT NULL,
    message text NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    read_at timestamptz,
    first_read_at timestamptz,
    archived_at timestamptz,
    snoozed_until timestamptz,
    deleted_at timestamptz
);
COMMENT ON TABLE inbox IS 'In-app notifications. A job may be gone before its notification.';
COMMENT ON COLUMN inbox.first_read_at IS 'Stays when it is marked as unread again.';
COMMENT ON COLUMN inbox.deleted_at IS 'By its user: then it has no content, and is shown to nobody.';

CREATE INDEX inbox_page ON inbox (project_id, user_id, id) WHERE deleted_at IS NULL;
-- Counting reads nothing else.
CREATE INDEX inbox_unread ON inbox (project_id, user_id, id) INCLUDE (snoozed_until)
    WHERE read_at IS NULL AND archived_at IS NULL AND deleted_at IS NULL;
CREATE INDEX inbox_recipient ON inbox (recipient_id);
