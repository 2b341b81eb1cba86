-- Changes of digest schedules by SQL show in updated_at; a day that does not fit is refused by name.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE FUNCTION refuse_odd_day() RETURNS trigger
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.frequency <> ALL (ARRAY['daily', 'weekly', 'monthly']) THEN
        PERFORM refuse('frequency', format('%L is none of daily, weekly, monthly', left(NEW.frequency, 40)));
    ELSIF NEW.frequency = 'daily' AND NEW.delivery_day IS NOT NULL THEN
        PERFORM refuse('delivery_day', 'cannot stand beside the frequency daily');
    ELSIF NEW.frequency <> 'daily' AND NEW.delivery_day IS NULL THEN
        PERFORM refuse('delivery_day', format('is missing for the frequency %s', NEW.frequency));
    ELSIF NEW.frequency = 'weekly' AND NEW.delivery_day NOT BETWEEN 1 AND 7 THEN
        PERFORM refuse('delivery_day', format('%s is not within 1 (Monday) and 7 (Sunday)', NEW.delivery_day));
    ELSIF NEW.frequency = 'monthly' AND NEW.delivery_day NOT BETWEEN 1 AND 31 THEN
        PERFORM refuse('delivery_day', format('%s is not within 1 and 31', NEW.delivery_day));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER digest_schedules_day BEFORE INSERT OR UPDATE OF frequency, delivery_day ON digest_schedules
    FOR EACH ROW EXECUTE FUNCTION refuse_odd_day();

CREATE FUNCTION touch() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER digest_schedules_touched BEFORE UPDATE OF frequency, delivery_time, delivery_day, timezone,
    max_updates_per_digest, include_content_types, is_active, misfire ON digest_schedules
    FOR EACH ROW EXECUTE FUNCTION touch();

REVOKE ALL ON FUNCTION refuse_odd_day, touch FROM PUBLIC;
