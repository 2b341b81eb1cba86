-- Groups, members, updates; what preferences and quiet hours need.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE INDEX recipients_email ON recipients (project_id, lower(email)) WHERE email IS NOT NULL;

CREATE TABLE groups (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    external_id text,
    name text NOT NULL CHECK (name <> ''),
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, external_id)
);
CREATE INDEX groups_page ON groups (project_id, id);

CREATE TABLE group_members (
    id uuid PRIMARY KEY,
    group_id uuid NOT NULL REFERENCES groups ON DELETE CASCADE,
    recipient_id uuid NOT NULL REFERENCES recipients ON DELETE CASCADE,
    role text,
    muted_until timestamptz,                   -- nothing of this group until then but critical types
    read_through uuid NOT NULL,                -- updates up to this id count as read; those before joining do
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (group_id, recipient_id)
);
CREATE INDEX group_members_page ON group_members (group_id, id);
CREATE INDEX group_members_recipient ON group_members (recipient_id, id);

CREATE TABLE updates (                         -- what digests are made of; uuid7 ids, so in the order of posting
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    group_id uuid NOT NULL REFERENCES groups ON DELETE CASCADE,
    external_id text,
    content_type text NOT NULL DEFAULT 'text' CHECK (content_type <> ''),
    author_id uuid REFERENCES recipients ON DELETE SET NULL,
    title text,
    body text,
    url text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (group_id, external_id),
    CONSTRAINT updates_say_something CHECK (title IS NOT NULL OR body IS NOT NULL OR url IS NOT NULL)
);
CREATE INDEX updates_page ON updates (group_id, id);
CREATE INDEX updates_author ON updates (author_id, id) WHERE author_id IS NOT NULL;
CREATE INDEX updates_project ON updates (project_id);

CREATE TABLE update_reads (                    -- beyond read_through: which updates a recipient has had
    recipient_id uuid NOT NULL REFERENCES recipients ON DELETE CASCADE,
    update_id uuid NOT NULL REFERENCES updates ON DELETE CASCADE,
    read_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (recipient_id, update_id)
);
CREATE INDEX update_reads_update ON update_reads (update_id);

-- A job put off to the end of its recipient's quiet hours: `scheduled` until then, and decided upon afresh.
ALTER TABLE jobs ADD COLUMN deferred_until timestamptz;
