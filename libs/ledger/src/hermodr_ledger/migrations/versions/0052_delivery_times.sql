-- A time of day by the recipient's clock; whoever changes a recipient's wishes has waiting jobs decided again.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE jobs ADD COLUMN deliver_at jsonb;
COMMENT ON COLUMN jobs.deliver_at IS 'The time of day it was requested for, by the clock of its recipient: local_time, days.';

-- At every door alike: HTTP, tokens of users, upserts of thousands, SQL.
CREATE FUNCTION decide_again_after_wishes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    WITH changed AS (
        SELECT id FROM recipients_before b JOIN recipients_after a USING (id)
        WHERE (a.timezone, a.quiet_hours, a.muted_until) IS DISTINCT FROM (b.timezone, b.quiet_hours, b.muted_until)
    )
    UPDATE jobs j SET wake_at = greatest(now(), j.scheduled_for) FROM changed
    WHERE j.recipient_id = changed.id AND j.state = 'scheduled' AND j.deferred_until > now();
    IF FOUND AND current_setting('hermodr.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('hermodr_due', '');
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER recipients_wishes AFTER UPDATE ON recipients
    REFERENCING OLD TABLE AS recipients_before NEW TABLE AS recipients_after
    FOR EACH STATEMENT EXECUTE FUNCTION decide_again_after_wishes();
