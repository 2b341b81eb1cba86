-- Calls for answers: an organizer asks everybody else in a group. Triggers keep the one waiting job of each in step with
-- it, so that HTTP, SQL, an erasure and a deleted group all do the same.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE auto_syncs (
    id uuid PRIMARY KEY DEFAULT hermodr.new_id(now()),
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,     -- the organizer's
    organizer_id uuid REFERENCES recipients ON DELETE SET NULL,         -- null: erased
    group_id uuid NOT NULL REFERENCES groups ON DELETE CASCADE,
    event_name text NOT NULL,
    status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'paused', 'completed', 'cancelled')),
    response_goal text NOT NULL DEFAULT 'everyone' CHECK (response_goal IN ('everyone', 'number', 'percent')),
    response_target int CHECK (response_target > 0),
    timezone text NOT NULL DEFAULT 'UTC',                               -- in which members are told the deadline
    reminder_after interval NOT NULL DEFAULT '24:00:00',
    pause_after interval NOT NULL DEFAULT '48:00:00',
    channel text NOT NULL DEFAULT 'sms' CHECK (channel IN ('sms', 'email', 'whatsapp', 'webhook')),
    data jsonb NOT NULL DEFAULT '{}',                                   -- more variables for the reminder's template
    started_at timestamptz NOT NULL DEFAULT now(),                      -- moves on by the length of each pause
    reminded_at timestamptz,                                            -- of this round; null: still to come
    checked_at timestamptz,                                             -- the same of its pause check
    paused_at timestamptz,
    completed_at timestamptz,                                           -- also when it was cancelled
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    xact xid8 DEFAULT pg_current_xact_id(),
    CHECK ((response_goal = 'everyone') = (response_target IS NULL)),
    CHECK (response_goal <> 'percent' OR response_target <= 100),
    CHECK (reminder_after >= interval '1 second' AND pause_after > reminder_after AND pause_after <= interval '366 days'),
    CHECK ((status = 'paused') = (paused_at IS NOT NULL)),
    CHECK ((status IN ('completed', 'cancelled')) = (completed_at IS NOT NULL))
);
CREATE INDEX auto_syncs_page ON auto_syncs (project_id, id);
CREATE INDEX auto_syncs_committed ON auto_syncs (xact) WHERE xact IS NOT NULL;
CREATE INDEX auto_syncs_group ON auto_syncs (group_id, id);
CREATE INDEX auto_syncs_organizer ON auto_syncs (organizer_id, id) WHERE organizer_id IS NOT NULL;
CREATE INDEX auto_syncs_running ON auto_syncs (id) WHERE status = 'running';
CREATE INDEX auto_syncs_finished ON auto_syncs (completed_at) WHERE completed_at IS NOT NULL;

CREATE TABLE auto_sync_responses (
    sync_id uuid NOT NULL REFERENCES auto_syncs ON DELETE CASCADE,
    member_id uuid NOT NULL REFERENCES group_members ON DELETE CASCADE,
    response text NOT NULL CHECK (length(response) BETWEEN 1 AND 2000),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sync_id, member_id)
);
CREATE INDEX auto_sync_responses_member ON auto_sync_responses (member_id);

CREATE TABLE auto_sync_reminders (                                      -- the messages of each reminder_24h job
    reminder_id uuid NOT NULL,
    recipient_id uuid NOT NULL,
    sync_id uuid NOT NULL REFERENCES auto_syncs ON DELETE CASCADE,
    job_id uuid NOT NULL,
    PRIMARY KEY (reminder_id, recipient_id)
);
CREATE INDEX auto_sync_reminders_sync ON auto_sync_reminders (sync_id, job_id);
CREATE INDEX auto_sync_reminders_job ON auto_sync_reminders (job_id);

-- Where it stands ------------------------------------------------------------------------------------------------------

CREATE FUNCTION auto_sync_key(sync_id uuid, job_type text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 'auto_sync/' || sync_id || '/' || job_type;
COMMENT ON FUNCTION auto_sync_key IS 'The singleton key of its job of this type: at most one is not finished.';

CREATE FUNCTION auto_sync_progress(sync auto_syncs, OUT asked int, OUT answered int, OUT needed int, OUT met boolean)
    LANGUAGE plpgsql STABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    SELECT count(*), count(r.member_id) INTO asked, answered
    FROM group_members m LEFT JOIN auto_sync_responses r ON r.sync_id = sync.id AND r.member_id = m.id
    WHERE m.group_id = sync.group_id AND m.recipient_id IS DISTINCT FROM sync.organizer_id;
    needed := greatest(1, CASE sync.response_goal WHEN 'everyone' THEN asked WHEN 'number' THEN sync.response_target
        ELSE ceil(asked::numeric * sync.response_target / 100) END);
    met := answered >= needed;
END $$;
COMMENT ON FUNCTION auto_sync_progress IS
    'Of the members of this moment but the organizer: how many are asked, how many have answered, how many answers are '
    'needed (at least one), and whether that goal is met.';

-- Its jobs -------------------------------------------------------------------------------------------------------------

CREATE FUNCTION skip_auto_sync_jobs(sync auto_syncs, reason text) RETURNS void
    LANGUAGE sql SET search_path = hermodr, pg_catalog, pg_temp AS $$
    WITH waiting AS (
        SELECT j.id FROM singletons s JOIN jobs j ON j.id = s.job_id
        WHERE s.project_id = sync.project_id AND j.kind = 'reminder' AND j.state IN ('scheduled', 'queued')
          AND s.key IN (auto_sync_key(sync.id, 'reminder_24h'), auto_sync_key(sync.id, 'pause_check_48h'))
        ORDER BY j.id FOR UPDATE OF j
    ), ended AS (
        UPDATE jobs j SET state = 'skipped', error = reason, finished_at = now(), wake_at = NULL, unannounced = false
        FROM waiting w WHERE j.id = w.id
        RETURNING j.id, j.project_id, j.singleton_key
    ), noted AS (
        INSERT INTO events (job_id, kind, detail) SELECT id, 'not_sent', jsonb_build_object('reason', reason) FROM ended
    )
    DELETE FROM singletons s USING ended e
    WHERE s.project_id = e.project_id AND s.key = e.singleton_key AND s.job_id = e.id
    $$;

-- The next job: the reminder, then the pause check. One that waits already is moved to its new time.
CREATE FUNCTION plan_auto_sync(sync auto_syncs) RETURNS void
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    job jobs;
    waiting uuid;
    due timestamptz;
BEGIN
    IF sync.checked_at IS NOT NULL THEN
        RETURN;
    END IF;
    job.type := CASE WHEN sync.reminded_at IS NULL THEN 'reminder_24h' ELSE 'pause_check_48h' END;
    due := sync.started_at + make_interval(secs => extract(epoch FROM
        CASE WHEN sync.reminded_at IS NULL THEN sync.reminder_after ELSE sync.pause_after END)::float8);
    job.id := new_job_id();
    job.project_id := sync.project_id;
    job.singleton_key := auto_sync_key(sync.id, job.type);
    waiting := hold_singleton(job);
    IF waiting IS NOT NULL THEN
        UPDATE jobs j SET scheduled_for = due, wake_at = due
        WHERE j.id = waiting AND j.kind = 'reminder' AND j.state = 'scheduled' AND j.scheduled_for <> due;
        IF FOUND AND current_setting('hermodr.notify', true) IS DISTINCT FROM 'off' THEN
            PERFORM pg_notify('hermodr_due', '');
        END IF;
        RETURN;
    END IF;
    job.kind := 'reminder';
    job.priority := 1;
    job.data := jsonb_build_object('sync_id', sync.id);
    job.metadata := job.data;
    job.group_id := sync.group_id;
    job.scheduled_for := CASE WHEN due > clock_timestamp() THEN due END;
    SELECT r.user_id INTO job.owner_id FROM recipients r WHERE r.id = sync.organizer_id;
    PERFORM take_on(job);
END $$;

-- Rules ----------------------------------------------------------------------------------------------------------------

CREATE FUNCTION refuse_odd_auto_sync(sync auto_syncs) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    IF length(sync.event_name) NOT BETWEEN 1 AND 200 OR sync.event_name ~ '[[:cntrl:]]' OR sync.event_name !~ '[^[:space:]]'
    THEN
        PERFORM refuse('event_name', 'must be a single line of 1 to 200 characters');
    ELSIF NOT isfinite(sync.started_at) OR abs(extract(epoch FROM sync.started_at - now())) > 366 * 86400 THEN
        PERFORM refuse('started_at', 'is more than 366 days away');
    ELSIF sync.timezone !~ '^[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}$' THEN
        PERFORM refuse('timezone', 'is not a time zone of the IANA database, such as Europe/Berlin');
    END IF;
    PERFORM refuse_odd_object('data', sync.data);
    BEGIN
        PERFORM now() AT TIME ZONE sync.timezone;
    EXCEPTION WHEN invalid_parameter_value THEN
        PERFORM refuse('timezone', 'is not a time zone of the IANA database, such as Europe/Berlin');
    END;
END $$;

CREATE FUNCTION auto_sync_begins() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    SELECT r.project_id INTO NEW.project_id FROM recipients r
    WHERE r.id = NEW.organizer_id AND (r.project_id = named_project()) IS NOT FALSE;
    IF NEW.project_id IS NULL THEN
        PERFORM refuse('organizer_id', format('there is no recipient %s', NEW.organizer_id));
    ELSIF NOT EXISTS (SELECT 1 FROM groups g WHERE g.id = NEW.group_id AND g.project_id = NEW.project_id) THEN
        PERFORM refuse('group_id', format('there is no group %s', NEW.group_id));
    END IF;
    NEW.started_at := coalesce(NEW.started_at, now());
    PERFORM refuse_odd_auto_sync(NEW);
    NEW.reminded_at := NULL;
    NEW.checked_at := NULL;
    NEW.paused_at := CASE WHEN NEW.status = 'paused' THEN now() END;
    NEW.completed_at := CASE WHEN NEW.status IN ('completed', 'cancelled') THEN now() END;
    RETURN NEW;
END $$;

CREATE FUNCTION auto_sync_changes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    NEW.updated_at := now();
    IF NEW.organizer_id IS NULL AND OLD.organizer_id IS NOT NULL THEN  -- erased
        NEW.event_name := '';
        NEW.data := '{}';
        NEW.status := CASE WHEN NEW.status IN ('running', 'paused') THEN 'cancelled' ELSE NEW.status END;
    END IF;
    IF NEW.status = OLD.status THEN
        RETURN NEW;
    ELSIF OLD.status IN ('completed', 'cancelled') THEN
        PERFORM refuse('status', format('the auto-sync is %s and stays so', OLD.status));
    END IF;
    NEW.paused_at := CASE WHEN NEW.status = 'paused' THEN now() END;
    NEW.completed_at := CASE WHEN NEW.status IN ('completed', 'cancelled') THEN now() END;
    IF NEW.status = 'running' AND OLD.checked_at IS NULL THEN  -- the time of the pause does not count
        NEW.started_at := OLD.started_at + (now() - OLD.paused_at);
    ELSIF NEW.status = 'running' THEN  -- its pause check is over: everything begins anew
        NEW.started_at := now();
        NEW.reminded_at := NULL;
        NEW.checked_at := NULL;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION auto_sync_follows() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    was_running CONSTANT boolean := TG_OP <> 'INSERT' AND OLD.status = 'running';
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM skip_auto_sync_jobs(OLD, 'auto_sync_deleted');
    ELSIF NEW.status = 'running' THEN
        IF NOT was_running OR (OLD.started_at, OLD.reminder_after, OLD.pause_after, OLD.reminded_at, OLD.checked_at)
            IS DISTINCT FROM (NEW.started_at, NEW.reminder_after, NEW.pause_after, NEW.reminded_at, NEW.checked_at)
        THEN
            PERFORM plan_auto_sync(NEW);
        END IF;
    ELSIF was_running THEN
        PERFORM skip_auto_sync_jobs(NEW, CASE WHEN NEW.status = 'completed' AND (auto_sync_progress(NEW)).met
            THEN 'goal_met' ELSE 'auto_sync_' || NEW.status END);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER auto_sync_begins BEFORE INSERT ON auto_syncs FOR EACH ROW EXECUTE FUNCTION auto_sync_begins();
CREATE TRIGGER auto_sync_changes BEFORE UPDATE ON auto_syncs FOR EACH ROW EXECUTE FUNCTION auto_sync_changes();
CREATE TRIGGER on_auto_sync_created AFTER INSERT ON auto_syncs FOR EACH ROW EXECUTE FUNCTION auto_sync_follows();
CREATE TRIGGER on_auto_sync_changed AFTER UPDATE OR DELETE ON auto_syncs FOR EACH ROW EXECUTE FUNCTION auto_sync_follows();

CREATE FUNCTION settle_auto_sync(sync_id uuid) RETURNS void
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    -- of two last answers at once the second has to see the first one
    PERFORM 1 FROM auto_syncs s WHERE s.id = sync_id FOR NO KEY UPDATE;
    UPDATE auto_syncs s SET status = 'completed'
    WHERE s.id = sync_id AND s.status IN ('running', 'paused') AND (auto_sync_progress(s)).met;
END $$;
COMMENT ON FUNCTION settle_auto_sync IS 'Completes it if its goal is met.';

CREATE FUNCTION auto_sync_answered() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM auto_syncs s JOIN group_members m ON m.group_id = s.group_id
                   WHERE s.id = NEW.sync_id AND m.id = NEW.member_id AND m.recipient_id IS DISTINCT FROM s.organizer_id)
    THEN
        PERFORM refuse('member_id', 'is none of the members who are asked');
    END IF;
    PERFORM settle_auto_sync(NEW.sync_id);
    RETURN NULL;
END $$;
CREATE TRIGGER auto_sync_answered AFTER INSERT ON auto_sync_responses FOR EACH ROW EXECUTE FUNCTION auto_sync_answered();

REVOKE ALL ON FUNCTION auto_sync_key, auto_sync_progress, skip_auto_sync_jobs, plan_auto_sync, refuse_odd_auto_sync,
    auto_sync_begins, auto_sync_changes, auto_sync_follows, settle_auto_sync, auto_sync_answered FROM PUBLIC;
