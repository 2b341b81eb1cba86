-- One rule for addresses at all doors: hermodr_contracts.addresses says it, and this holds SQL to it as far as SQL can. It
-- knows no table of IDNA, so a domain in other letters is checked by blocks of Unicode; what passes here and cannot be
-- written to fails when it is sent.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE FUNCTION email_address(argument text, given text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    at CONSTANT int := strpos(given, '@');
    local_part text := left(given, at - 1);
    domain text := lower(substr(given, at + 1));
    plain CONSTANT boolean := octet_length(given) = length(given);
BEGIN
    IF coalesce(given, '') = '' THEN
        PERFORM refuse(argument, 'is missing');
    ELSIF NOT plain THEN
        -- controls, spaces, format and private characters; in domains also punctuation and symbols
        IF given ~ '[\u0080-\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ue000-\uf8ff\ufdd0-\ufdef\ufeff\ufff0-\uffff\U000e0000-\U0010ffff]'
            OR given ~ '^[\u0300-\u036f]' THEN
            PERFORM refuse(argument, 'is not an email address');
        END IF;
        local_part := normalize(local_part, NFC);
        domain := translate(lower(normalize(domain, NFKC)), '。', '.');
        IF domain ~ '[\u00a1-\u00a9\u00ab-\u00b4\u00b6\u00b8-\u00b9\u00bb-\u00bf\u00d7\u00f7\u02c2-\u02c5\u2010-\u2e7f\u3001-\u3004\u3008-\u3020\u3030\ufe10-\ufe6f\U0001f000-\U0001faff]' THEN
            PERFORM refuse(argument, 'is not an email address');
        END IF;
    END IF;
    IF at < 2 OR octet_length(local_part) > 64 OR octet_length(domain) > 253
        OR octet_length(local_part) + 1 + length(domain) > 254
        OR local_part !~ '^[A-Za-z0-9!#$%&''*+/=?^_`{|}~\u0080-\U0010ffff-]+(\.[A-Za-z0-9!#$%&''*+/=?^_`{|}~\u0080-\U0010ffff-]+)*$'
        OR (domain <> 'localhost' AND strpos(domain, '.') = 0)
        OR domain ~ '[^a-z0-9.\u0080-\U0010ffff-]|(^|\.)[.-]|-\.|[.-]$|[0-9]$|(^|\.)(arpa|invalid|onion)$'
        OR (domain LIKE '%--%' AND domain ~ '(^|\.)(?!xn)..--')
        OR (length(domain) > 63 AND EXISTS (SELECT 1 FROM unnest(string_to_array(domain, '.')) l WHERE length(l) > 63))
    THEN
        PERFORM refuse(argument, 'is not an email address');
    END IF;
    RETURN local_part || '@' || domain;
END $$;
COMMENT ON FUNCTION email_address IS
    'The address in the form it is stored: local part as given, domain in lower case. Raises, without repeating it, for '
    'what is none; the argument is the name that the error says.';
REVOKE ALL ON FUNCTION email_address FROM PUBLIC;

CREATE OR REPLACE FUNCTION queue_notification(p_type text, p_recipient_email text, p_payload jsonb) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    job jobs;
BEGIN
    job.project_id := sole_project();
    job.priority := 1;
    job.to_email := email_address('p_recipient_email', p_recipient_email);
    RETURN take_on(saying(job, 'p_type', p_type, 'p_payload', p_payload));
END $$;
