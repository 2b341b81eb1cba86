-- Pauses, dead letters replayed, tasks that wait, weeks made late.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE pauses (                          -- no row: the channel was never paused, or flows again altogether
    channel text PRIMARY KEY,
    paused_at timestamptz NOT NULL DEFAULT now(),
    reason text,
    resumed_at timestamptz                     -- null: nothing is claimed. Else the scheduler brings back what it parked
);

CREATE TABLE lane_rates (                      -- what each sender got done lately, a second
    instance text NOT NULL,
    channel text NOT NULL,
    priority smallint NOT NULL,
    sent double precision NOT NULL,
    failed double precision NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instance, channel, priority)
);

ALTER TABLE dead_letters
    ADD COLUMN job_type text,                  -- the job's type; a raw message has its message_type
    ADD COLUMN replay_at timestamptz,          -- when the scheduler is to replay it; stays when it has
    ADD COLUMN replay_by text;                 -- who asked for that, as the job's timeline is to name them
CREATE INDEX dead_letters_due ON dead_letters (replay_at) WHERE replay_at IS NOT NULL AND replayed_at IS NULL;
CREATE INDEX dead_letters_raw ON dead_letters (id) WHERE project_id IS NULL;

CREATE INDEX jobs_waiting_tasks ON jobs (wake_at) WHERE kind = 'task' AND wake_at IS NOT NULL;
COMMENT ON COLUMN jobs.content IS 'What is sent as given: {"subject", "body_text", "body_html"}. '
    'Of a task: {"max_retries", "timeout_seconds"}; null for those its code declares.';

-- A week that begins while rows of it lie in the default partitions (nobody made it in time) takes those rows along.
-- Both tables are locked meanwhile, so that no row can slip into the default partition behind our back.
CREATE FUNCTION make_week(parent text, week timestamptz) RETURNS void
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog AS $$
DECLARE
    child text := parent || '_' || to_char(week AT TIME ZONE 'UTC', 'YYYYMMDD');
    rest text := parent || '_rest';
    key text := CASE parent WHEN 'attempts' THEN 'delivery_id' WHEN 'events' THEN 'job_id' ELSE 'id' END;
    first uuid := uuid_floor(week);
    beyond uuid := uuid_floor(week + interval '7 days');
BEGIN
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent);
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING INDEXES)', child, parent);
    IF parent IN ('jobs', 'deliveries') THEN
        EXECUTE format('ALTER TABLE %I SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05,'
            ' autovacuum_vacuum_insert_scale_factor = 0.2)', child);
    END IF;
    EXECUTE format('WITH late AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM late',
        rest, key, first, key, beyond, child);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, child, first, beyond);
END $$;
COMMENT ON FUNCTION make_week IS 'Makes one table''s partition of a week, and moves into it what waits for it in the default one.';

CREATE OR REPLACE FUNCTION ensure_partitions(since timestamptz, until timestamptz) RETURNS int
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog AS $$
DECLARE
    looked_back CONSTANT interval := '26 weeks';
    asked timestamptz := date_trunc('week', since, 'UTC');
    week timestamptz := asked - looked_back;
    parents CONSTANT text[] := ARRAY['jobs', 'deliveries', 'attempts', 'events'];
    parent text;
    missed boolean;
    made int := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('hermodr.ensure_partitions'));
    WHILE week < until LOOP
        -- A week that is over is made only for rows that are there: it was missed.
        missed := week < asked AND EXISTS (SELECT 1 FROM jobs_rest
            WHERE id >= uuid_floor(week) AND id < uuid_floor(week + interval '7 days'));
        IF week >= asked OR missed THEN
            FOREACH parent IN ARRAY parents LOOP
                IF to_regclass('hermodr.' || parent || '_' || to_char(week AT TIME ZONE 'UTC', 'YYYYMMDD')) IS NULL THEN
                    PERFORM make_week(parent, week);
                    made := made + 1;
                END IF;
            END LOOP;
        END IF;
        week := week + interval '7 days';
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION ensure_partitions IS 'Creates the weekly partitions that are missing between two times, and those of '
    'the half year before that rows are waiting for; returns how many tables it made.';
