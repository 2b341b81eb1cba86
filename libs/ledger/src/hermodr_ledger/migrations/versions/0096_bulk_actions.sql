-- All jobs that match a filter are tried again or cancelled by the schedulers, in steps.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE bulk_actions (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('retry', 'cancel')),
    actor text NOT NULL,
    actor_id text,
    filter jsonb NOT NULL,           -- of jobs; without the address once it has ended
    matched integer NOT NULL,        -- when it was asked for, as far as was counted
    more boolean NOT NULL,           -- it was not counted further
    done integer NOT NULL DEFAULT 0,
    refused jsonb NOT NULL DEFAULT '{}',  -- how many were left as they are, by reason
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'stopped')),
    after uuid,                      -- jobs up to this id were looked at
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
COMMENT ON TABLE bulk_actions IS 'What is done to all jobs that match a filter, and how far it has come.';
CREATE INDEX bulk_actions_page ON bulk_actions (project_id, id);
CREATE INDEX bulk_actions_running ON bulk_actions (id) WHERE state = 'running';

REVOKE ALL ON TABLE bulk_actions FROM PUBLIC;
