-- Jobs of auto-syncs have the low lane; their messages have the normal one.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE OR REPLACE FUNCTION plan_auto_sync(sync auto_syncs) RETURNS void
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
    job.priority := 2;  -- a reminder to many is a long step, and no other notification is to wait for it
    job.data := jsonb_build_object('sync_id', sync.id);
    job.metadata := job.data;
    job.group_id := sync.group_id;
    job.scheduled_for := CASE WHEN due > clock_timestamp() THEN due END;
    SELECT r.user_id INTO job.owner_id FROM recipients r WHERE r.id = sync.organizer_id;
    PERFORM take_on(job);
END $$;
