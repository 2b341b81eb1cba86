-- JSON given by SQL is kept exactly or refused, by the limits of every other door (hermodr_contracts.limits; a test holds
-- the two equal). Texts need no look: jsonb itself takes neither U+0000 nor half a surrogate pair.

SET LOCAL search_path = hermodr, pg_catalog;

-- Whole numbers may have 4,300 digits; others are those that an IEEE double holds to the last digit. To jsonb 1e400 and
-- its 401 digits are one number: beyond a double, what has no more digits than a double was written that way.
CREATE FUNCTION flaw_of_number(given numeric) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = hermodr, pg_catalog, pg_temp SET extra_float_digits = 1 AS $$
DECLARE
    greatest_double CONSTANT numeric := 1.7976931348623157e308;
    least_double CONSTANT numeric := 4.9e-324;
    most_digits CONSTANT int := 4300;
    double_digits CONSTANT int := 17;
    digits CONSTANT text := trunc(abs(given))::text;
    whole CONSTANT boolean := given = trunc(given);
BEGIN
    IF whole AND length(digits) > most_digits THEN
        RETURN format('a whole number of more than %s digits', most_digits);
    ELSIF abs(given) > greatest_double AND (NOT whole OR length(rtrim(digits, '0')) <= double_digits) THEN
        RETURN 'a number beyond IEEE double precision';
    ELSIF NOT whole AND (abs(given) < least_double OR given::float8::text::numeric <> given) THEN
        RETURN 'a fraction with more digits than IEEE double precision keeps; give it as a text';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION flaw_of_number IS 'What keeps a number of a JSON text from being kept as it is; null: nothing.';

CREATE FUNCTION refuse_unkeepable(argument text, value jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    deepest CONSTANT int := 100;
    written CONSTANT text := value::text;
    flaw text;
BEGIN
    IF length(written) - length(translate(written, '[{', '')) > deepest AND jsonb_path_exists(value,
        format('strict $.**{%s} ? (@.type() == "array" || @.type() == "object")', deepest)::jsonpath)
    THEN
        PERFORM refuse(argument, format('is nested more than %s levels deep', deepest));
    END IF;
    IF written ~ '[0-9.]{16}' THEN
        SELECT f INTO flaw
        FROM jsonb_path_query(value, 'strict $.** ? (@.type() == "number")') n, flaw_of_number((n #>> '{}')::numeric) f
        WHERE f IS NOT NULL LIMIT 1;
        IF flaw IS NOT NULL THEN
            PERFORM refuse(argument, 'holds ' || flaw);
        END IF;
    END IF;
END $$;
COMMENT ON FUNCTION refuse_unkeepable IS
    'Raises, naming the argument, for JSON that could not be kept as it is: nested too deep, or a number altered by it.';

CREATE OR REPLACE FUNCTION refuse_odd_object(argument text, given jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
BEGIN
    IF jsonb_typeof(given) <> 'object' THEN
        PERFORM refuse(argument, 'must be a JSON object');
    ELSIF octet_length(given::text) > 1048576 THEN
        PERFORM refuse(argument, 'is larger than 1 MiB');
    END IF;
    PERFORM refuse_unkeepable(argument, given);
END $$;

REVOKE ALL ON FUNCTION flaw_of_number, refuse_unkeepable FROM PUBLIC;
