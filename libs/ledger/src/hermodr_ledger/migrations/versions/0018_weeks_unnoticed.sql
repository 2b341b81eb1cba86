-- Weeks come and go without holding anybody up. Whatever they need to lock they wait for no longer than a tenth of a second,
-- since everybody queues behind who waits; then the caller tries again later. A week ahead is attached: that locks, of what
-- requests use, only the default partition, where its rows could be. Only a week that has begun, into which rows are being
-- written, needs the whole table for a moment. (DETACH CONCURRENTLY is not to be had beside a default partition.)

SET LOCAL search_path = hermodr, pg_catalog;

DROP FUNCTION make_week(text, timestamptz);

CREATE FUNCTION take_shape_lock() RETURNS void
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('hermodr.ensure_partitions')) THEN
        RAISE EXCEPTION 'somebody else is making or dropping weeks' USING ERRCODE = 'lock_not_available';
    END IF;
END $$;

CREATE FUNCTION make_week(parent text, week timestamptz) RETURNS boolean
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
DECLARE
    child CONSTANT text := parent || '_' || to_char(week, 'YYYYMMDD');
    rest CONSTANT text := parent || '_rest';
    key CONSTANT text := CASE parent WHEN 'attempts' THEN 'delivery_id' WHEN 'events' THEN 'job_id' ELSE 'id' END;
    first CONSTANT uuid := uuid_floor(week);
    beyond CONSTANT uuid := uuid_floor(week + interval '7 days');
    begun CONSTANT boolean := week < clock_timestamp() + interval '1 hour';
BEGIN
    PERFORM take_shape_lock();
    IF to_regclass('hermodr.' || child) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE ONLY %I IN %s MODE', parent,
        CASE WHEN begun THEN 'ACCESS EXCLUSIVE' ELSE 'SHARE UPDATE EXCLUSIVE' END);
    EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', rest);
    -- the check says what attaching would else read every row for
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING INDEXES, CONSTRAINT of_the_week CHECK (%I >= %L AND %I < %L))',
        child, parent, key, first, key, beyond);
    IF parent IN ('jobs', 'deliveries') THEN
        EXECUTE format('ALTER TABLE %I SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05,'
            ' autovacuum_vacuum_insert_scale_factor = 0.2)', child);
    END IF;
    EXECUTE format('WITH late AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM late',
        rest, key, first, key, beyond, child);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, child, first, beyond);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT of_the_week', child);
    RETURN true;
END $$;
COMMENT ON FUNCTION make_week IS 'Makes one table''s partition of a week, and moves into it what waits for it in the default '
    'one; whether it was missing. Raises lock_not_available: try again later.';

CREATE FUNCTION weeks_missing(since timestamptz, until timestamptz) RETURNS TABLE (parent text, week timestamptz)
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog SET timezone = 'UTC' AS $$
DECLARE
    looked_back CONSTANT interval := '26 weeks';
    asked CONSTANT timestamptz := date_trunc('week', since, 'UTC');
BEGIN
    week := asked - looked_back;
    WHILE week < until LOOP
        -- A week that is over is made only for rows that are there: it was missed.
        IF week >= asked OR EXISTS (SELECT 1 FROM jobs_rest
            WHERE id >= uuid_floor(week) AND id < uuid_floor(week + interval '7 days')) THEN
            FOREACH parent IN ARRAY ARRAY['jobs', 'deliveries', 'attempts', 'events'] LOOP
                IF to_regclass('hermodr.' || parent || '_' || to_char(week, 'YYYYMMDD')) IS NULL THEN
                    RETURN NEXT;
                END IF;
            END LOOP;
        END IF;
        week := week + interval '7 days';
    END LOOP;
END $$;
COMMENT ON FUNCTION weeks_missing IS 'The partitions that are missing between two times, and those of the half year before '
    'that rows are waiting for.';

CREATE OR REPLACE FUNCTION ensure_partitions(since timestamptz, until timestamptz) RETURNS int
    LANGUAGE sql SET search_path = hermodr, pg_catalog SET timezone = 'UTC' AS
    $$ SELECT count(*) FILTER (WHERE make_week(m.parent, m.week))::int FROM weeks_missing(since, until) m $$;
COMMENT ON FUNCTION ensure_partitions IS 'Makes what weeks_missing finds, all in one transaction; returns how many tables it '
    'made. Raises lock_not_available: try again later.';

CREATE FUNCTION weeks_over(before timestamptz) RETURNS SETOF text
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog SET timezone = 'UTC' AS $$
DECLARE
    week text;
    live boolean;
BEGIN
    FOR week IN
        SELECT right(c.relname, 8) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'hermodr.jobs'::regclass AND c.relname ~ '^jobs_\d{8}$'
          AND to_timestamp(right(c.relname, 8) || ' +00', 'YYYYMMDD TZH') + interval '7 days' <= before
        ORDER BY 1
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE finished_at IS NULL OR finished_at >= %L)',
            'jobs_' || week, before) INTO live;
        IF NOT live THEN
            RETURN NEXT week;
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION weeks_over IS 'Weeks that ended before the time and hold no unfinished or later finished job, as YYYYMMDD.';

-- What was asked for again since weeks_over looked has a moment in one of the two indexes.
CREATE FUNCTION drop_week(week text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog SET lock_timeout = '100ms' AS $$
DECLARE
    parent text;
    awake boolean;
BEGIN
    PERFORM take_shape_lock();
    LOCK TABLE ONLY jobs, ONLY deliveries, ONLY attempts, ONLY events IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE wake_at IS NOT NULL) OR EXISTS (SELECT 1 FROM %I WHERE wake_at IS NOT NULL)',
        'jobs_' || week, 'deliveries_' || week) INTO awake;
    IF awake THEN
        RETURN false;
    END IF;
    FOREACH parent IN ARRAY ARRAY['events', 'attempts', 'deliveries', 'jobs'] LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I', parent || '_' || week);
    END LOOP;
    RETURN true;
END $$;
COMMENT ON FUNCTION drop_week IS 'Drops a week that weeks_over named; whether it did. Raises lock_not_available: try again later.';

CREATE OR REPLACE FUNCTION drop_partitions(before timestamptz) RETURNS text[]
    LANGUAGE sql SET search_path = hermodr, pg_catalog SET timezone = 'UTC' AS
    $$ SELECT coalesce(array_agg(week ORDER BY week) FILTER (WHERE drop_week(week)), '{}') FROM weeks_over(before) AS week $$;
COMMENT ON FUNCTION drop_partitions IS 'Drops what weeks_over finds, all in one transaction; returns those weeks. Raises '
    'lock_not_available: try again later.';

REVOKE ALL ON FUNCTION take_shape_lock, make_week, weeks_missing, weeks_over, drop_week FROM PUBLIC;
