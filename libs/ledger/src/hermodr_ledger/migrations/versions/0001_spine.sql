-- The ledger's first shape. Jobs and all that belongs to them are partitioned by ranges of the uuid7 id, which carries
-- its time; a child's id shares its job's first 112 bits, so a job and everything of it lie in the same range and are
-- dropped together. No foreign keys between partitioned tables: they would cost every insert and forbid the dropping.

CREATE SCHEMA IF NOT EXISTS hermodr;
SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE projects (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    name text NOT NULL DEFAULT '',
    hint text NOT NULL,                        -- the key's first characters, to recognise it by
    key_hash bytea NOT NULL UNIQUE,            -- SHA-256; keys are 256 random bits, so no salt and no stretching
    scopes text[] NOT NULL CHECK (scopes <@ ARRAY['send', 'read', 'manage', 'admin'] AND scopes <> '{}'),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
CREATE INDEX api_keys_project ON api_keys (project_id);

CREATE TABLE recipients (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    external_id text,
    user_id text,
    name text,
    email text,
    phone text,
    locale text,
    timezone text,
    muted_until timestamptz,
    quiet_hours jsonb,
    preferences jsonb NOT NULL DEFAULT '[]',   -- [{"type": text | null, "channel": text | null, "enabled": bool}]
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, external_id)
);
CREATE INDEX recipients_user ON recipients (project_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX recipients_page ON recipients (project_id, id);

CREATE TABLE templates (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    name text NOT NULL CHECK (name <> ''),
    critical boolean NOT NULL DEFAULT false,   -- passes mute, preferences and quiet hours
    default_locale text NOT NULL DEFAULT 'en',
    current_version int NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, name)
);

CREATE TABLE template_contents (               -- immutable: a change is a new version
    template_id uuid NOT NULL REFERENCES templates ON DELETE CASCADE,
    version int NOT NULL,
    channel text NOT NULL,
    locale text NOT NULL,
    subject text,
    body_text text,
    body_html text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (template_id, version, channel, locale)
);

CREATE TABLE jobs (
    id uuid NOT NULL,
    project_id uuid NOT NULL,
    kind text NOT NULL,
    type text,
    state text NOT NULL,
    priority smallint NOT NULL,
    channels text[],                           -- null: those the recipient's preferences allow
    recipient_id uuid,
    to_email text,
    to_phone text,
    owner_id text,
    data jsonb NOT NULL,
    content jsonb,                             -- {"subject", "body_text", "body_html"} to send as given, without a template
    metadata jsonb,
    group_id uuid,
    update_id uuid,
    batch_id uuid,
    singleton_key text,
    on_unknown text,
    scheduled_for timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz,
    finished_at timestamptz,
    wake_at timestamptz,                       -- when the scheduler is to look at it; null: nothing to do, or its deliveries have it
    announcements smallint NOT NULL DEFAULT 0,
    open_deliveries smallint NOT NULL DEFAULT 0,
    sent_deliveries smallint NOT NULL DEFAULT 0,
    error text,
    result jsonb,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX jobs_wake ON jobs (wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE deliveries (
    id uuid NOT NULL,
    job_id uuid NOT NULL,
    project_id uuid NOT NULL,
    channel text NOT NULL,
    priority smallint NOT NULL,
    state text NOT NULL,
    recipient_id uuid,
    address text NOT NULL,
    address_name text,
    template_id uuid,
    template_version int,
    locale text,
    on_unknown text NOT NULL,
    attempt smallint NOT NULL DEFAULT 0,
    max_attempts smallint NOT NULL,
    due_at timestamptz,                        -- not to be sent before
    wake_at timestamptz,                       -- as in jobs
    announcements smallint NOT NULL DEFAULT 0,
    claimed_by text,
    claimed_at timestamptz,
    lease_until timestamptz,
    provider text,
    provider_message_id text,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX deliveries_wake ON deliveries (wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE attempts (
    delivery_id uuid NOT NULL,
    number smallint NOT NULL,
    provider text,
    outcome text NOT NULL,                     -- sent | transient | permanent | bounced | throttled | unknown
    code text,
    detail text,
    provider_message_id text,
    claimed_by text,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    PRIMARY KEY (delivery_id, number)
) PARTITION BY RANGE (delivery_id);

CREATE SEQUENCE events_seq CACHE 100;
CREATE TABLE events (
    job_id uuid NOT NULL,
    seq bigint NOT NULL DEFAULT nextval('hermodr.events_seq'),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL,
    delivery_id uuid,
    detail jsonb,
    PRIMARY KEY (job_id, seq)
) PARTITION BY RANGE (job_id);

CREATE TABLE batches (                         -- a batch's jobs lie between its first and last id
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    first_job_id uuid NOT NULL,
    last_job_id uuid NOT NULL,
    accepted int NOT NULL,
    rejected int NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE singletons (                      -- live singleton keys; uniqueness cannot span partitions
    project_id uuid NOT NULL,
    key text NOT NULL,
    job_id uuid NOT NULL,
    PRIMARY KEY (project_id, key)
);

CREATE TABLE idempotency_keys (
    project_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,                -- SHA-256 of method, path and body
    status smallint,                           -- null while the first request is still running
    response bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,
    project_id uuid,
    source_id text UNIQUE,                     -- what it came from, so that storing it twice is impossible
    queue text NOT NULL,
    reason text NOT NULL,
    message_type text,
    body bytea,
    headers jsonb NOT NULL DEFAULT '{}',
    job_id uuid,
    delivery_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    replayed_at timestamptz
);
CREATE INDEX dead_letters_page ON dead_letters (project_id, id);

CREATE TABLE service_heartbeats (
    service text NOT NULL,
    instance text NOT NULL,
    started_at timestamptz NOT NULL,
    beat_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (service, instance)
);

CREATE FUNCTION uuid_floor(t timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog
    AS $$ SELECT (lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;
COMMENT ON FUNCTION uuid_floor IS 'The least uuid of the millisecond: the bound of a partition that begins then.';

CREATE FUNCTION ensure_partitions(since timestamptz, until timestamptz) RETURNS int
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog AS $$
DECLARE
    week timestamptz := date_trunc('week', since, 'UTC');
    parent text;
    child text;
    made int := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('hermodr.ensure_partitions'));
    WHILE week < until LOOP
        FOREACH parent IN ARRAY ARRAY['jobs', 'deliveries', 'attempts', 'events'] LOOP
            child := parent || '_' || to_char(week AT TIME ZONE 'UTC', 'YYYYMMDD');
            IF to_regclass('hermodr.' || child) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    child, parent, uuid_floor(week), uuid_floor(week + interval '7 days'));
                IF parent IN ('jobs', 'deliveries') THEN
                    EXECUTE format('ALTER TABLE %I SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05,'
                        ' autovacuum_vacuum_insert_scale_factor = 0.2)', child);
                END IF;
                made := made + 1;
            END IF;
        END LOOP;
        week := week + interval '7 days';
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION ensure_partitions IS 'Creates the weekly partitions that are missing between two times; returns how many tables it made.';

CREATE FUNCTION drop_partitions(before timestamptz) RETURNS text[]
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog AS $$
DECLARE
    week text;
    parent text;
    live boolean;
    dropped text[] := '{}';
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('hermodr.ensure_partitions'));
    FOR week IN
        SELECT right(c.relname, 8) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'hermodr.jobs'::regclass AND c.relname ~ '^jobs_\d{8}$'
          AND to_timestamp(right(c.relname, 8) || ' +00', 'YYYYMMDD TZH') + interval '7 days' <= before
        ORDER BY 1
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE finished_at IS NULL OR finished_at >= %L)',
            'jobs_' || week, before) INTO live;
        IF NOT live THEN
            FOREACH parent IN ARRAY ARRAY['events', 'attempts', 'deliveries', 'jobs'] LOOP
                EXECUTE format('DROP TABLE IF EXISTS %I', parent || '_' || week);
            END LOOP;
            dropped := dropped || week;
        END IF;
    END LOOP;
    RETURN dropped;
END $$;
COMMENT ON FUNCTION drop_partitions IS 'Drops weeks that ended before the time and hold no unfinished or later finished job; returns them as YYYYMMDD.';

CREATE TABLE jobs_rest PARTITION OF jobs DEFAULT;
CREATE TABLE deliveries_rest PARTITION OF deliveries DEFAULT;
CREATE TABLE attempts_rest PARTITION OF attempts DEFAULT;
CREATE TABLE events_rest PARTITION OF events DEFAULT;
SELECT ensure_partitions(now() - interval '7 days', now() + interval '28 days');
