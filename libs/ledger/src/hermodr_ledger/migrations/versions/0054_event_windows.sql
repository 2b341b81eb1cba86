-- Events (jobs with a `digest`) wait in a window, and one carrier job brings what came in it (hermodr_ledger.batching).

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE jobs ADD COLUMN digest jsonb;  -- null for most; see NewJob.digest
COMMENT ON COLUMN jobs.digest IS 'key, window, max_window (seconds) and first of an event; window_id of a carrier.';

CREATE TABLE event_windows (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    cause text NOT NULL,              -- digest, cap
    addressee text NOT NULL,          -- the recipient's id, or a keyed hash of a bare address
    type text NOT NULL,
    key text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    closes_at timestamptz NOT NULL,
    latest timestamptz NOT NULL,      -- closes_at moves no further than that
    events int NOT NULL DEFAULT 0,    -- how many joined it
    closed_at timestamptz,
    carrier_id uuid,                  -- the job that is sent; null: nothing was left to send
    carrier_state text                -- as its events show it; null: they do not yet
);
CREATE UNIQUE INDEX event_windows_open ON event_windows (project_id, addressee, type, cause, key) WHERE closed_at IS NULL;
CREATE INDEX event_windows_due ON event_windows (closes_at) WHERE closed_at IS NULL;
CREATE INDEX event_windows_unsettled ON event_windows (carrier_id) WHERE carrier_id IS NOT NULL AND carrier_state IS NULL;
CREATE INDEX event_windows_changeable ON event_windows (carrier_id) WHERE carrier_state <> 'completed';

CREATE TABLE window_events (
    job_id uuid PRIMARY KEY,
    window_id uuid NOT NULL REFERENCES event_windows ON DELETE CASCADE,
    alone boolean NOT NULL DEFAULT false,  -- it opened the window and was sent at once, by itself
    carried boolean                        -- part of the carrier; null: the window is open
);
CREATE INDEX window_events_window ON window_events (window_id);

CREATE VIEW event_accounts WITH (security_invoker = true) AS
WITH events AS (
    SELECT j.id, j.project_id, j.state, j.error, j.finished_at FROM jobs j WHERE j.digest ? 'key'
    UNION ALL
    SELECT j.id, j.project_id, j.state, j.error, j.finished_at FROM window_events e JOIN jobs j ON j.id = e.job_id
    WHERE (j.digest ? 'key') IS NOT TRUE
), told AS (
    SELECT j.id, j.project_id, w.id AS window_id, w.key, c.id AS carrier_id, coalesce(c.state, j.state) AS state,
        CASE WHEN c.id IS NULL THEN j.error ELSE c.error END AS error,
        CASE WHEN c.id IS NULL THEN j.finished_at ELSE c.finished_at END AS finished_at
    FROM events j LEFT JOIN window_events e ON e.job_id = j.id LEFT JOIN event_windows w ON w.id = e.window_id
    LEFT JOIN jobs c ON c.id = w.carrier_id AND e.carried
)
SELECT project_id, id AS job_id, window_id, key, carrier_id,
    CASE WHEN finished_at IS NULL THEN 'waiting' WHEN state = 'completed' THEN 'sent' WHEN state = 'cancelled' THEN 'cancelled'
         ELSE 'skipped' END AS account,
    CASE WHEN finished_at IS NOT NULL AND state <> 'completed' THEN coalesce(error, state) END AS reason
FROM told;
COMMENT ON VIEW event_accounts IS
    'What became of each event: waiting, sent, skipped or cancelled. It is what became of its carrier, or of itself if none '
    'took it along. An event whose message failed is skipped, with the failure as its reason.';

ALTER TABLE event_windows ENABLE ROW LEVEL SECURITY;
ALTER TABLE window_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON window_events FOR SELECT TO hermodr_reader
    USING (EXISTS (SELECT 1 FROM hermodr.jobs j WHERE j.id = job_id));
CREATE POLICY own_rows ON event_windows FOR SELECT TO hermodr_reader
    USING (EXISTS (SELECT 1 FROM hermodr.window_events e WHERE e.window_id = event_windows.id));
CREATE POLICY all_rows ON window_events FOR SELECT TO hermodr_operator USING (true);
CREATE POLICY all_rows ON event_windows FOR SELECT TO hermodr_operator USING (true);
GRANT SELECT ON event_windows, window_events, event_accounts TO hermodr_reader, hermodr_operator;

-- An event that its carrier has taken along can be neither cancelled nor sent again by itself.
CREATE OR REPLACE FUNCTION cancel_job(p_job jobs, reason text) RETURNS boolean
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    job jobs;
    waiting uuid[];
    sending boolean;
    tries CONSTANT int := 5;
BEGIN
    FOR _ IN 1..tries LOOP
        BEGIN
            SELECT coalesce(array_agg(d.id) FILTER (WHERE d.state IN ('queued', 'retrying')), '{}'),
                   coalesce(bool_or(d.state = 'sending'), false)
            INTO waiting, sending
            FROM (SELECT id, state FROM deliveries WHERE id > p_job.id AND id <= last_child_of(p_job.id)
                  ORDER BY id FOR UPDATE) d;
            SELECT j.* INTO job FROM jobs j WHERE j.id = p_job.id FOR UPDATE;
            IF job.finished_at IS NOT NULL OR job.id IS NULL OR sending
                OR (job.state = 'processing' AND job.open_deliveries = 0) THEN
                RETURN false;
            ELSIF cardinality(waiting) <> job.open_deliveries THEN
                RAISE EXCEPTION USING ERRCODE = 'HM001', MESSAGE = 'the job keeps changing: try again';
            END IF;
            UPDATE deliveries d SET state = 'cancelled', finished_at = now(), wake_at = NULL, due_at = NULL
            FROM unnest(waiting) AS w(id) WHERE d.id = w.id;
            UPDATE jobs j SET state = 'cancelled', finished_at = now(), wake_at = NULL, open_deliveries = 0 WHERE j.id = job.id;
            INSERT INTO events (job_id, at, kind, detail) VALUES (job.id, now(), 'cancel_requested',
                jsonb_strip_nulls(jsonb_build_object('by', 'sql', 'reason', reason)));
            DELETE FROM singletons s
            WHERE s.project_id = job.project_id AND s.key = job.singleton_key AND s.job_id = job.id;
            PERFORM note_change(job, 'job.cancel',
                jsonb_build_object('was', job.state, 'deliveries', cardinality(waiting)));
            RETURN true;
        EXCEPTION WHEN SQLSTATE 'HM001' THEN
            NULL;
        END;
    END LOOP;
    RAISE EXCEPTION 'p_id: the job keeps changing: try again' USING ERRCODE = 'object_in_use';
END $$;

CREATE FUNCTION carried(job_id uuid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM window_events e WHERE e.job_id = carried.job_id AND e.carried)
    $$;
COMMENT ON FUNCTION carried IS 'Whether the job is an event that a carrier took along.';

CREATE OR REPLACE FUNCTION update_notification_status(p_id uuid, p_status text, p_error text DEFAULT NULL) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    job jobs;
BEGIN
    IF p_id IS NULL THEN
        PERFORM refuse('p_id', 'is missing');
    ELSIF p_status IS NULL OR p_status NOT IN ('cancelled', 'queued') THEN
        PERFORM refuse('p_status', format('%L is neither cancelled nor queued: what is sent and fails is for the senders to say',
            p_status));
    ELSIF length(p_error) > 500 THEN
        PERFORM refuse('p_error', 'has more than 500 characters');
    END IF;
    job := job_in_reach(p_id);
    IF job.id IS NULL THEN
        RETURN false;
    END IF;
    RETURN CASE WHEN p_status = 'cancelled' THEN cancel_job(job, p_error)
        WHEN carried(job.id) THEN false ELSE requeue_job(job, p_error) END;
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
    DELETE FROM window_events e WHERE e.job_id = ANY (gone);
    DELETE FROM event_windows w WHERE w.closed_at < before
        AND NOT EXISTS (SELECT 1 FROM window_events e WHERE e.window_id = w.id);
    DELETE FROM batches b WHERE b.last_job_id < uuid_floor(before) AND NOT EXISTS (
        SELECT 1 FROM jobs j WHERE j.id >= b.first_job_id AND j.id <= b.last_job_id AND j.batch_id = b.id);
END $$;

REVOKE ALL ON FUNCTION carried FROM PUBLIC;

-- Events in a window wait for its end, whatever their recipient wishes: that is asked when their message is decided.
CREATE OR REPLACE FUNCTION decide_again_after_wishes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    WITH changed AS (
        SELECT id FROM recipients_before b JOIN recipients_after a USING (id)
        WHERE (a.timezone, a.quiet_hours, a.muted_until) IS DISTINCT FROM (b.timezone, b.quiet_hours, b.muted_until)
    )
    UPDATE jobs j SET wake_at = greatest(now(), j.scheduled_for) FROM changed
    WHERE j.recipient_id = changed.id AND j.state = 'scheduled' AND j.deferred_until > now()
      AND j.wake_at < timestamptz '9999-12-31 00:00:00+00';
    IF FOUND AND current_setting('hermodr.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('hermodr_due', '');
    END IF;
    RETURN NULL;
END $$;
