-- Digests: schedules, their runs, and which update went into which digest.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE digest_schedules (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    recipient_id uuid NOT NULL REFERENCES recipients ON DELETE CASCADE,
    group_id uuid NOT NULL REFERENCES groups ON DELETE CASCADE,
    frequency text NOT NULL CHECK (frequency IN ('daily', 'weekly', 'monthly')),
    delivery_time time NOT NULL DEFAULT '09:00' CHECK (delivery_time < '24:00'),
    delivery_day smallint,                      -- 1 Monday to 7 Sunday; or 1 to 31, the last day of a shorter month
    timezone text NOT NULL CHECK (timezone <> ''),
    max_updates_per_digest smallint NOT NULL DEFAULT 10 CHECK (max_updates_per_digest BETWEEN 1 AND 100),
    include_content_types text[] CHECK (cardinality(include_content_types) > 0),  -- null: all
    is_active boolean NOT NULL DEFAULT true,
    misfire text NOT NULL DEFAULT 'coalesce' CHECK (misfire IN ('coalesce', 'skip')),
    last_digest_sent timestamptz,
    next_digest_scheduled timestamptz,          -- null while it is active: the scheduler computes it
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    xact xid8 DEFAULT pg_current_xact_id(),
    CONSTRAINT digest_schedules_delivery_day CHECK (CASE frequency WHEN 'daily' THEN delivery_day IS NULL
        WHEN 'weekly' THEN (delivery_day BETWEEN 1 AND 7) IS TRUE ELSE (delivery_day BETWEEN 1 AND 31) IS TRUE END),
    CONSTRAINT digest_schedules_paused CHECK (is_active OR next_digest_scheduled IS NULL)
);
CREATE INDEX digest_schedules_page ON digest_schedules (project_id, id);
CREATE INDEX digest_schedules_recipient ON digest_schedules (recipient_id, id);
CREATE INDEX digest_schedules_group ON digest_schedules (group_id, id);
CREATE INDEX digest_schedules_committed ON digest_schedules (xact) WHERE xact IS NOT NULL;
CREATE INDEX digest_schedules_due ON digest_schedules (next_digest_scheduled) WHERE next_digest_scheduled IS NOT NULL;
CREATE INDEX digest_schedules_unplanned ON digest_schedules (id) WHERE is_active AND next_digest_scheduled IS NULL;

-- Runs and what went into them outlive their schedule: a digest under way is settled all the same.
CREATE TABLE digest_runs (
    schedule_id uuid NOT NULL,
    nominal timestamptz NOT NULL,               -- the occurrence; for one asked for by hand, when that was
    job_id uuid UNIQUE,                         -- null: missed
    made_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,                     -- null: its updates are its own until its job has ended
    PRIMARY KEY (schedule_id, nominal)
);
CREATE INDEX digest_runs_open ON digest_runs (job_id) WHERE settled_at IS NULL AND job_id IS NOT NULL;
CREATE INDEX digest_runs_made ON digest_runs (made_at);

CREATE TABLE digest_updates (
    recipient_id uuid NOT NULL REFERENCES recipients ON DELETE CASCADE,
    update_id uuid NOT NULL REFERENCES updates ON DELETE CASCADE,
    schedule_id uuid NOT NULL,
    job_id uuid NOT NULL,
    delivered_at timestamptz,                   -- null: its digest is under way
    PRIMARY KEY (recipient_id, update_id)       -- nobody gets an update in two digests
);
CREATE INDEX digest_updates_update ON digest_updates (update_id);
CREATE INDEX digest_updates_job ON digest_updates (job_id);

-- With its owner's rights, as it looks into tables that producers do not see.
CREATE FUNCTION prepare_digest_schedule() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    reader recipients;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT * INTO reader FROM recipients r
        WHERE r.id = NEW.recipient_id AND (r.project_id = named_project()) IS NOT FALSE;
        IF reader.id IS NULL THEN
            PERFORM refuse('recipient_id', format('there is no recipient %s', NEW.recipient_id));
        ELSIF NOT EXISTS (SELECT 1 FROM groups g WHERE g.id = NEW.group_id AND g.project_id = reader.project_id) THEN
            PERFORM refuse('group_id', format('there is no group %s', NEW.group_id));
        END IF;
        NEW.id := coalesce(NEW.id, new_id(clock_timestamp()));
        NEW.project_id := reader.project_id;
        NEW.timezone := coalesce(NEW.timezone, reader.timezone, 'UTC');
    ELSIF NEW.next_digest_scheduled IS NOT DISTINCT FROM OLD.next_digest_scheduled THEN
        NEW.next_digest_scheduled := NULL;      -- the rule is another one now
    END IF;
    IF TG_OP = 'INSERT' OR NEW.timezone <> OLD.timezone THEN
        BEGIN
            PERFORM now() AT TIME ZONE NEW.timezone;
        EXCEPTION WHEN invalid_parameter_value THEN
            PERFORM refuse('timezone', format('%L is no time zone of the IANA database', NEW.timezone));
        END;
    END IF;
    IF NOT NEW.is_active THEN
        NEW.next_digest_scheduled := NULL;
    END IF;
    IF NEW.is_active AND current_setting('hermodr.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('hermodr_digests', '');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER digest_schedules_made BEFORE INSERT ON digest_schedules
    FOR EACH ROW EXECUTE FUNCTION prepare_digest_schedule();
CREATE TRIGGER digest_schedules_changed BEFORE UPDATE OF frequency, delivery_time, delivery_day, timezone, is_active
    ON digest_schedules FOR EACH ROW EXECUTE FUNCTION prepare_digest_schedule();

CREATE OR REPLACE FUNCTION create_digest_jobs() RETURNS int
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    due digest_schedules;
    fires boolean;
    job jobs;
    made int := 0;
BEGIN
    FOR due IN
        SELECT * FROM digest_schedules s
        WHERE s.next_digest_scheduled <= now() AND (s.project_id = named_project()) IS NOT FALSE
        ORDER BY s.next_digest_scheduled FOR UPDATE SKIP LOCKED
    LOOP
        fires := due.misfire = 'coalesce' OR due.next_digest_scheduled > now() - interval '60 seconds';
        job.id := CASE WHEN fires THEN new_job_id() END;
        UPDATE digest_schedules s SET next_digest_scheduled = NULL WHERE s.id = due.id;
        INSERT INTO digest_runs (schedule_id, nominal, job_id, settled_at)
        VALUES (due.id, due.next_digest_scheduled, job.id, CASE WHEN NOT fires THEN now() END)
        ON CONFLICT (schedule_id, nominal) DO NOTHING;
        IF FOUND AND fires THEN
            job.project_id := due.project_id;
            job.kind := 'digest';
            job.type := 'digest';
            job.priority := 2;
            job.data := '{}';
            job.recipient_id := due.recipient_id;
            job.group_id := due.group_id;
            job.owner_id := (SELECT r.user_id FROM recipients r WHERE r.id = due.recipient_id);
            PERFORM take_on(job);
            made := made + 1;
        END IF;
    END LOOP;
    IF made > 0 AND current_setting('hermodr.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('hermodr_digests', '');
    END IF;
    RETURN made;
END $$;
COMMENT ON FUNCTION create_digest_jobs IS
    'Makes the jobs of all digest schedules that are due, and returns how many. The scheduler does so by itself, at the '
    'moment they are due; it also computes their next times. SET hermodr.project: only of that project.';

CREATE VIEW digest_accounts WITH (security_invoker = true) AS
SELECT s.project_id, s.id AS schedule_id, s.recipient_id, s.group_id, u.id AS update_id, u.created_at AS posted_at,
    d.job_id,
    CASE WHEN d.delivered_at IS NOT NULL THEN 'delivered'
         WHEN m.id IS NULL OR u.author_id = s.recipient_id OR u.content_type <> ALL (s.include_content_types) THEN 'unwanted'
         WHEN u.id <= m.read_through OR r.update_id IS NOT NULL THEN 'read'
         ELSE 'pending' END AS account
FROM digest_schedules s
JOIN updates u ON u.group_id = s.group_id
LEFT JOIN group_members m ON m.group_id = s.group_id AND m.recipient_id = s.recipient_id
LEFT JOIN digest_updates d ON d.recipient_id = s.recipient_id AND d.update_id = u.id AND d.schedule_id = s.id
LEFT JOIN update_reads r ON r.recipient_id = s.recipient_id AND r.update_id = u.id;
COMMENT ON VIEW digest_accounts IS
    'What became of each update of a group for each of its digest schedules. delivered: in a digest that arrived; pending: '
    'for the next one, or in one under way (job_id); read: elsewhere, or older than the membership; unwanted: the reader''s '
    'own, of a content type left out, or the reader is no member.';

REVOKE ALL ON FUNCTION prepare_digest_schedule FROM PUBLIC;
GRANT SELECT, DELETE ON digest_schedules TO hermodr_producer;
GRANT INSERT (id, recipient_id, group_id, frequency, delivery_time, delivery_day, timezone, max_updates_per_digest,
    include_content_types, is_active, misfire) ON digest_schedules TO hermodr_producer;
GRANT UPDATE (frequency, delivery_time, delivery_day, timezone, max_updates_per_digest, include_content_types, is_active,
    misfire) ON digest_schedules TO hermodr_producer;
GRANT SELECT ON digest_schedules TO hermodr_reader;
GRANT SELECT ON digest_schedules, digest_runs, digest_updates, digest_accounts, group_members, update_reads
    TO hermodr_operator;
GRANT SELECT (id, project_id, group_id, author_id, content_type, created_at) ON updates TO hermodr_operator;
ALTER TABLE digest_schedules ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON digest_schedules FOR SELECT TO hermodr_reader
    USING (EXISTS (SELECT 1 FROM hermodr.recipients r WHERE r.id = recipient_id));
CREATE POLICY all_rows ON digest_schedules FOR SELECT TO hermodr_operator USING (true);
CREATE POLICY all_rows_of_producers ON digest_schedules TO hermodr_producer USING (true) WITH CHECK (true);
