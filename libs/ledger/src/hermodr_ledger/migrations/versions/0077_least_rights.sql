-- What the services' roles may do is granted by hermodr_ledger.rights, at every migration. Here is what they cannot be given
-- as a right: weeks come and go by functions that run as the tables' owner.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER FUNCTION make_week SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp;
ALTER FUNCTION weeks_missing SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp;
ALTER FUNCTION weeks_over SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp;

-- As before, and nothing but a week: whoever may call it has no other right to these tables.
CREATE OR REPLACE FUNCTION drop_week(week text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    parent text;
    awake boolean;
BEGIN
    IF week !~ '^\d{8}$' THEN
        RAISE EXCEPTION '% is no week', quote_literal(week) USING ERRCODE = 'invalid_parameter_value';
    END IF;
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

REVOKE ALL ON FUNCTION drop_week FROM PUBLIC;
