-- Digest schedules and auto-syncs that come by SQL keep the rules of those that come over HTTP, in the same words.

SET LOCAL search_path = hermodr, pg_catalog;

-- By their exact names: PostgreSQL also takes 'utc', '+05:00' or 'EST5EDT4', which the services do not know. Its own
-- view reads a file for each zone, which is too slow to be asked for every row.
CREATE TABLE time_zones (
    name text PRIMARY KEY
);
CREATE FUNCTION is_own_name_of_zone(name text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN name !~ '^(posix|right)/' AND name NOT IN ('localtime', 'posixrules', 'Factory');
INSERT INTO time_zones SELECT name FROM pg_timezone_names WHERE is_own_name_of_zone(name) ON CONFLICT DO NOTHING;

CREATE FUNCTION refuse_odd_zone(argument text, zone text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM time_zones z WHERE z.name = zone) THEN
        RETURN;
    ELSIF zone ~ '^[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}$' AND is_own_name_of_zone(zone)
        AND EXISTS (SELECT 1 FROM pg_timezone_names z WHERE z.name = zone)  -- it came after the migration
    THEN
        RETURN;
    END IF;
    PERFORM refuse(argument, 'is not a time zone of the IANA database, such as Europe/Berlin');
END $$;

-- Digest schedules -----------------------------------------------------------------------------------------------------

CREATE FUNCTION refuse_odd_content_types(argument text, types text[]) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    IF array_ndims(types) IS DISTINCT FROM 1 OR cardinality(types) > 50 THEN
        PERFORM refuse(argument, 'must be a plain list of 1 to 50 types, or null for all');
    ELSIF EXISTS (SELECT 1 FROM unnest(types) t WHERE (t COLLATE "C" ~ '^[a-z][a-z0-9_-]{0,49}$') IS NOT TRUE) THEN
        PERFORM refuse(argument, 'must hold types of a-z, 0-9, _ and - that begin with a letter, of at most 50 characters');
    ELSIF (SELECT count(DISTINCT t) FROM unnest(types) t) < cardinality(types) THEN
        PERFORM refuse(argument, 'a type stands twice');
    END IF;
END $$;

-- As before, but for the zone, which is asked about below.
CREATE OR REPLACE FUNCTION prepare_digest_schedule() RETURNS trigger
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
    IF NOT NEW.is_active THEN
        NEW.next_digest_scheduled := NULL;
    END IF;
    IF NEW.is_active AND current_setting('hermodr.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('hermodr_digests', '');
    END IF;
    RETURN NEW;
END $$;

-- Producers may not call refuse().
ALTER FUNCTION refuse_odd_day SECURITY DEFINER;

-- What does not change is not asked about: a row that is odd already can still be paused.
CREATE FUNCTION refuse_odd_digest_schedule() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    new_row CONSTANT boolean := TG_OP = 'INSERT';
BEGIN
    IF NEW.frequency IS NULL THEN
        PERFORM refuse('frequency', 'must be daily, weekly or monthly');
    ELSIF (NEW.delivery_time < '24:00') IS NOT TRUE THEN
        PERFORM refuse('delivery_time', 'must be a time of day from 00:00 to 23:59:59');
    ELSIF (NEW.max_updates_per_digest BETWEEN 1 AND 100) IS NOT TRUE THEN
        PERFORM refuse('max_updates_per_digest', 'must be 1 to 100');
    ELSIF (NEW.misfire IN ('coalesce', 'skip')) IS NOT TRUE THEN
        PERFORM refuse('misfire', 'must be coalesce or skip');
    ELSIF NEW.is_active IS NULL THEN
        PERFORM refuse('is_active', 'must be true or false');
    END IF;
    IF new_row OR NEW.timezone IS DISTINCT FROM OLD.timezone THEN
        PERFORM refuse_odd_zone('timezone', NEW.timezone);
    END IF;
    IF NEW.include_content_types IS NOT NULL
        AND (new_row OR NEW.include_content_types IS DISTINCT FROM OLD.include_content_types)
    THEN
        PERFORM refuse_odd_content_types('include_content_types', NEW.include_content_types);
    END IF;
    RETURN NEW;
END $$;
-- after digest_schedules_made, which supplies what is left out, and digest_schedules_day
CREATE TRIGGER digest_schedules_odd BEFORE INSERT OR UPDATE OF frequency, delivery_time, delivery_day, timezone,
    max_updates_per_digest, include_content_types, is_active, misfire
    ON digest_schedules FOR EACH ROW EXECUTE FUNCTION refuse_odd_digest_schedule();

-- Auto-syncs -----------------------------------------------------------------------------------------------------------

CREATE FUNCTION least_octets(given jsonb) RETURNS bigint
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT octet_length(given::text) - coalesce(sum(CASE jsonb_typeof(v)
        WHEN 'object' THEN greatest(2 * (SELECT count(*) FROM jsonb_object_keys(v)) - 1, 0)
        WHEN 'array' THEN greatest(jsonb_array_length(v) - 1, 0)
        WHEN 'number' THEN length(v::text) - greatest(length(trim(BOTH '0' FROM translate(v::text, '-.', ''))), 1)
        ELSE 0 END), 0)
    FROM jsonb_path_query(given, 'strict $.**') v
    $$;
COMMENT ON FUNCTION least_octets IS
    'The octets of JSON as it is written without spaces, each number as its significant digits: no way of writing has less.';

CREATE OR REPLACE FUNCTION refuse_odd_auto_sync(sync auto_syncs) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    IF length(sync.event_name) NOT BETWEEN 1 AND 200 OR sync.event_name ~ '[[:cntrl:]]' OR sync.event_name !~ '[^[:space:]]'
    THEN
        PERFORM refuse('event_name', 'must be a single line of 1 to 200 characters');
    ELSIF (sync.status IN ('running', 'paused', 'completed', 'cancelled')) IS NOT TRUE THEN
        PERFORM refuse('status', 'must be running, paused, completed or cancelled');
    ELSIF (sync.response_goal IN ('everyone', 'number', 'percent')) IS NOT TRUE THEN
        PERFORM refuse('response_goal', 'must be everyone, number or percent');
    ELSIF (sync.response_goal = 'everyone') <> (sync.response_target IS NULL) THEN
        PERFORM refuse('response_target', 'goes with the goals number and percent, and only with them');
    ELSIF sync.response_goal = 'percent' AND sync.response_target > 100 THEN
        PERFORM refuse('response_target', 'is a percentage, at most 100');
    ELSIF sync.response_target NOT BETWEEN 1 AND 1000000 THEN
        PERFORM refuse('response_target', 'must be 1 to 1000000');
    ELSIF (sync.reminder_after >= interval '1 second') IS NOT TRUE THEN
        PERFORM refuse('reminder_after', 'must be at least 1 second');
    ELSIF (sync.pause_after > sync.reminder_after) IS NOT TRUE THEN
        PERFORM refuse('pause_after', 'must be longer than reminder_after');
    ELSIF sync.pause_after > interval '366 days' THEN
        PERFORM refuse('pause_after', 'must be at most 366 days');
    ELSIF (sync.channel IN ('sms', 'email', 'whatsapp', 'webhook')) IS NOT TRUE THEN
        PERFORM refuse('channel', 'must be sms, email, whatsapp or webhook');
    ELSIF NOT isfinite(sync.started_at) OR abs(extract(epoch FROM sync.started_at - now())) > 366 * 86400 THEN
        PERFORM refuse('started_at', 'is more than 366 days away');
    END IF;
    PERFORM refuse_odd_zone('timezone', sync.timezone);
    PERFORM refuse_odd_object('data', sync.data);
    IF least_octets(sync.data) > 4096 THEN
        PERFORM refuse('data', 'has more than 4 KiB as JSON');
    END IF;
END $$;

CREATE FUNCTION refuse_odd_status() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    PERFORM refuse('status', 'must be running, paused, completed or cancelled');
    RETURN NULL;
END $$;
CREATE TRIGGER auto_sync_odd BEFORE UPDATE OF status ON auto_syncs FOR EACH ROW
    WHEN ((NEW.status IN ('running', 'paused', 'completed', 'cancelled')) IS NOT TRUE) EXECUTE FUNCTION refuse_odd_status();

REVOKE ALL ON TABLE time_zones FROM PUBLIC;
REVOKE ALL ON FUNCTION is_own_name_of_zone, refuse_odd_zone, refuse_odd_content_types, refuse_odd_digest_schedule, least_octets,
    refuse_odd_status FROM PUBLIC;
