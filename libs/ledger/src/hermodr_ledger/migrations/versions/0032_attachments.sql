-- Files of mails: apart from the jobs, gone with them.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE attachments (
    job_id uuid NOT NULL,
    number smallint NOT NULL,
    filename text NOT NULL,
    content_type text NOT NULL,
    content bytea NOT NULL,
    content_id text,        -- of an image that the HTML names as cid:…
    PRIMARY KEY (job_id, number)
) PARTITION BY RANGE (job_id);
-- Files are mostly compressed already.
ALTER TABLE attachments ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE TABLE attachments_rest PARTITION OF attachments DEFAULT;

CREATE OR REPLACE FUNCTION make_week(parent text, week timestamptz) RETURNS boolean
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
DECLARE
    child CONSTANT text := parent || '_' || to_char(week, 'YYYYMMDD');
    rest CONSTANT text := parent || '_rest';
    key CONSTANT text := CASE WHEN parent = 'attempts' THEN 'delivery_id'
        WHEN parent IN ('events', 'attachments') THEN 'job_id' ELSE 'id' END;
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

CREATE OR REPLACE FUNCTION weeks_missing(since timestamptz, until timestamptz) RETURNS TABLE (parent text, week timestamptz)
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
            FOREACH parent IN ARRAY ARRAY['jobs', 'deliveries', 'attempts', 'events', 'attachments'] LOOP
                IF to_regclass('hermodr.' || parent || '_' || to_char(week, 'YYYYMMDD')) IS NULL THEN
                    RETURN NEXT;
                END IF;
            END LOOP;
        END IF;
        week := week + interval '7 days';
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION drop_week(week text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog SET lock_timeout = '100ms' AS $$
DECLARE
    parent text;
    awake boolean;
BEGIN
    PERFORM take_shape_lock();
    LOCK TABLE ONLY jobs, ONLY deliveries, ONLY attempts, ONLY events, ONLY attachments IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE wake_at IS NOT NULL) OR EXISTS (SELECT 1 FROM %I WHERE wake_at IS NOT NULL)',
        'jobs_' || week, 'deliveries_' || week) INTO awake;
    IF awake THEN
        RETURN false;
    END IF;
    FOREACH parent IN ARRAY ARRAY['attachments', 'events', 'attempts', 'deliveries', 'jobs'] LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I', parent || '_' || week);
    END LOOP;
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION forget_jobs_gone(gone uuid[], before timestamptz) RETURNS void
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM deliveries d USING unnest(gone) g(id) WHERE d.id > g.id AND d.id <= last_child_of(g.id);
    DELETE FROM attempts a USING unnest(gone) g(id) WHERE a.delivery_id > g.id AND a.delivery_id <= last_child_of(g.id);
    DELETE FROM events e USING unnest(gone) g(id) WHERE e.job_id = g.id;
    DELETE FROM attachments a USING unnest(gone) g(id) WHERE a.job_id = g.id;
    DELETE FROM dead_letters l USING unnest(gone) g(id) WHERE l.job_id = g.id;
    DELETE FROM job_standings s WHERE s.id = ANY (gone);
    DELETE FROM singletons s WHERE s.job_id = ANY (gone);
    DELETE FROM set_aside a USING unnest(gone) g(id) WHERE left(a.subject, 32) = left(g.id::text, 32);
    DELETE FROM batches b WHERE b.last_job_id < uuid_floor(before) AND NOT EXISTS (
        SELECT 1 FROM jobs j WHERE j.id >= b.first_job_id AND j.id <= b.last_job_id AND j.batch_id = b.id);
END $$;

SELECT ensure_partitions(now() - interval '7 days', now() + interval '28 days');
