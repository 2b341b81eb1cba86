-- How many notifications somebody gets within a time.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE recipients ADD COLUMN caps jsonb;
ALTER TABLE projects ADD COLUMN caps jsonb;
COMMENT ON COLUMN recipients.caps IS 'Frequency caps: max, per, types, overflow.';
COMMENT ON COLUMN projects.caps IS 'Frequency caps for each of its recipients: max, per, types, overflow.';

CREATE TABLE cap_places (
    job_id uuid PRIMARY KEY,
    recipient_id uuid NOT NULL REFERENCES recipients ON DELETE CASCADE,
    at timestamptz NOT NULL
);
CREATE INDEX cap_places_recipient ON cap_places (recipient_id, at);
COMMENT ON TABLE cap_places IS 'When a notification under caps was let through, or is to be.';

-- Also when caps change. What waits in a window is decided upon when that closes.
CREATE OR REPLACE FUNCTION decide_again_after_wishes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    WITH changed AS (
        SELECT id FROM recipients_before b JOIN recipients_after a USING (id)
        WHERE (a.timezone, a.quiet_hours, a.muted_until, a.caps)
            IS DISTINCT FROM (b.timezone, b.quiet_hours, b.muted_until, b.caps)
    )
    UPDATE jobs j SET wake_at = greatest(now(), j.scheduled_for) FROM changed
    WHERE j.recipient_id = changed.id AND j.state = 'scheduled' AND j.deferred_until > now()
      AND j.wake_at < '9999-12-31 00:00:00+00';
    IF FOUND AND current_setting('hermodr.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('hermodr_due', '');
    END IF;
    RETURN NULL;
END $$;
