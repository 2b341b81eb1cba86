-- Schedules: any job on a rule (cron, or every so long), and what became of each occurrence.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE schedules (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    name text NOT NULL CHECK (name <> ''),
    cron text,
    every text,                                 -- as it was given: 15m
    every_seconds int CHECK (every_seconds > 0),
    anchor timestamptz NOT NULL,                -- occurrences of `every` are whole multiples later than this
    timezone text NOT NULL,
    misfire text NOT NULL CHECK (misfire IN ('coalesce', 'skip')),
    is_active boolean NOT NULL,
    job jsonb NOT NULL,                         -- the request as it was given
    kind text NOT NULL CHECK (kind IN ('notification', 'task')),
    type text,
    prepared jsonb NOT NULL,                    -- the columns of its jobs; JSON ones as texts, so that they stay as they are
    to_kind text CHECK (to_kind IN ('recipient_id', 'external_id', 'user_id', 'group_id')),  -- null: a bare address, a task
    to_value text,
    needs_template boolean NOT NULL DEFAULT false,
    takes_defaults boolean NOT NULL DEFAULT false,  -- of mails, if the request does not say all by itself
    next_run_at timestamptz,                    -- null: paused, or never again
    last_run_at timestamptz,                    -- the nominal time of what was fired last
    last_job_id uuid,
    last_batch_id uuid,
    last_error text,                            -- of the last occurrence that fired or failed
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    xact xid8 DEFAULT pg_current_xact_id(),
    UNIQUE (project_id, name),
    CHECK ((cron IS NULL) <> (every IS NULL)),
    CHECK ((every IS NULL) = (every_seconds IS NULL)),
    CHECK ((to_kind IS NULL) = (to_value IS NULL)),
    CHECK (is_active OR next_run_at IS NULL)
);
CREATE INDEX schedules_page ON schedules (project_id, id);
CREATE INDEX schedules_committed ON schedules (xact) WHERE xact IS NOT NULL;
CREATE INDEX schedules_due ON schedules (next_run_at) WHERE next_run_at IS NOT NULL;
CREATE INDEX schedules_to ON schedules (project_id, to_kind, to_value) WHERE to_kind IS NOT NULL;

CREATE TABLE schedule_runs (
    id uuid PRIMARY KEY,
    schedule_id uuid NOT NULL REFERENCES schedules ON DELETE CASCADE,
    nominal timestamptz NOT NULL,
    manual boolean NOT NULL DEFAULT false,
    state text NOT NULL CHECK (state IN ('fired', 'missed', 'failed')),
    job_id uuid,
    batch_id uuid,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    xact xid8 DEFAULT pg_current_xact_id(),
    CHECK ((state = 'failed') <= (error IS NOT NULL))
);
CREATE UNIQUE INDEX schedule_runs_nominal ON schedule_runs (schedule_id, nominal) WHERE NOT manual;
CREATE INDEX schedule_runs_page ON schedule_runs (schedule_id, id);
CREATE INDEX schedule_runs_committed ON schedule_runs (xact) WHERE xact IS NOT NULL;

GRANT SELECT ON schedule_runs TO hermodr_operator;
GRANT SELECT (id, project_id, name, cron, every, timezone, misfire, is_active, kind, type, next_run_at, last_run_at,
    last_job_id, last_batch_id, last_error, created_at, updated_at) ON schedules TO hermodr_operator;
