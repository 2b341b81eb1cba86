-- Requests in SQL say what those over HTTP say about their mail; hermodr_contracts.addresses and .mail_headers have the
-- rules, and tests hold these to them. What was asked under a key before counts as the same request.

SET LOCAL search_path = hermodr, pg_catalog;

DROP FUNCTION enqueue_notification_job(uuid, uuid, uuid, text, text, text, jsonb, int, text, text, timestamptz, timestamptz,
    jsonb, text, text, int);
DROP FUNCTION queue_notification(text, text, jsonb, text, text, timestamptz, timestamptz, jsonb, text, text, int);

CREATE FUNCTION refuse_odd_mailbox(argument text, given text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    parts CONSTANT text[] := regexp_match(btrim(given, ' '),
        '^(?:(?:"((?:[^"\\]|\\.)*)"|([^"\\<>@,:;()\[\]]*)) *<([^<>]+)>|([^<>]+))$');
    name CONSTANT text := coalesce(parts[1], parts[2], '');
BEGIN
    IF parts IS NULL OR strpos(given, '=?') > 0 THEN
        PERFORM refuse(argument, 'is not an address or Name <address>; a name with , @ : ; ( ) < > wants "double quotes"');
    ELSIF length(given) > 560 THEN
        PERFORM refuse(argument, 'must have at most 560 characters');
    ELSIF name ~ '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff]' THEN
        PERFORM refuse(argument, 'must be a single line without control characters and direction overrides');
    ELSIF name <> '' AND btrim(name) = '' THEN
        PERFORM refuse(argument, 'must have a character that can be seen');
    END IF;
    PERFORM email_address(argument, coalesce(parts[3], parts[4]));
END $$;

CREATE FUNCTION several_addresses(argument text, given text[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_agg(email_address(format('%s[%s]', argument, a.nth), a.address) ORDER BY a.nth)
    FROM unnest(given) WITH ORDINALITY AS a(address, nth)
    $$;

CREATE FUNCTION allowed_headers(given jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE AS $$
#variable_conflict use_variable
DECLARE
    most_headers CONSTANT int := 20;
    most_characters CONSTANT int := 8000;
    longest_name CONSTANT int := 76;
    longest_line CONSTANT int := 998;
    name text;
    value text;
    seen text[] := '{}';
    kept jsonb := '{}';
BEGIN
    IF jsonb_typeof(given) <> 'object' OR jsonb_path_exists(given, 'strict $.* ? (@.type() != "string")') THEN
        PERFORM refuse('headers', 'must be a JSON object of texts');
    ELSIF (SELECT count(*) FROM jsonb_each_text(given)) > most_headers THEN
        PERFORM refuse('headers', format('has more than %s headers', most_headers));
    ELSIF (SELECT sum(length(h.key) + length(h.value)) FROM jsonb_each_text(given) h) > most_characters THEN
        PERFORM refuse('headers', format('has more than %s characters', most_characters));
    END IF;
    FOR name, value IN SELECT h.key, h.value FROM jsonb_each_text(given) h ORDER BY h.key COLLATE "C" LOOP
        IF name !~ '^[A-Za-z0-9-]+$' OR length(name) > longest_name THEN
            PERFORM refuse('headers', 'a mail may be given X-…, List-…, In-Reply-To and References, of ASCII letters and digits');
        ELSIF name !~* '^((x|list)-[a-z0-9]([a-z0-9-]*[a-z0-9])?|in-reply-to|references)$' THEN
            PERFORM refuse('headers', name || ' is not a header that a mail may be given: X-…, List-…, In-Reply-To or References');
        ELSIF name ~* '^(x-hermodr(-.*)?|list-unsubscribe(-post)?|x-smtpapi|x-msys-api|x-(sg|mc|pm|mailgun|ses|mj|mailjet)-.*)$' THEN
            PERFORM refuse('headers', name || ' is a header that Hermodr or a provider sets itself');
        ELSIF value !~ '^[!-~]+( [!-~]+)*$' THEN
            PERFORM refuse('headers', name || ' must be printable ASCII in a single line, without outer or double spaces');
        ELSIF (SELECT max(length(w)) FROM unnest(string_to_array(value, ' ')) w) + length(name) + 2 > longest_line THEN
            PERFORM refuse('headers', format('%s has a word that does not fit a line of %s characters', name, longest_line));
        ELSIF lower(name) = ANY (seen) THEN
            PERFORM refuse('headers', name || ' stands there twice: upper and lower case do not tell headers apart');
        END IF;
        seen := seen || lower(name);
        kept := kept || jsonb_build_object(
            CASE lower(name) WHEN 'in-reply-to' THEN 'In-Reply-To' WHEN 'references' THEN 'References' ELSE name END, value);
    END LOOP;
    RETURN nullif(kept, '{}');
END $$;

CREATE FUNCTION mailed(job jobs, mail_from text, reply_to text, cc text[], bcc text[], headers jsonb) RETURNS jobs
    LANGUAGE plpgsql IMMUTABLE AS $$
#variable_conflict use_variable
DECLARE
    most_addresses CONSTANT int := 50;
BEGIN
    IF num_nonnulls(reply_to) + coalesce(cardinality(cc), 0) + coalesce(cardinality(bcc), 0) > most_addresses THEN
        PERFORM refuse(CASE WHEN cardinality(bcc) > 0 THEN 'bcc' ELSE 'cc' END,
            format('reply_to, cc and bcc have at most %s addresses together', most_addresses));
    ELSIF mail_from IS NOT NULL THEN
        PERFORM refuse_odd_mailbox('mail_from', mail_from);
    END IF;
    job.envelope := nullif(jsonb_strip_nulls(jsonb_build_object(
        'from', mail_from,
        'reply_to', CASE WHEN reply_to IS NOT NULL THEN jsonb_build_array(email_address('reply_to', reply_to)) END,
        'cc', several_addresses('cc', cc),
        'bcc', several_addresses('bcc', bcc),
        'headers', CASE WHEN headers IS NOT NULL THEN allowed_headers(headers) END)), '{}');
    IF job.envelope IS NOT NULL AND job.channels IS NOT NULL AND 'email' <> ALL (job.channels) THEN
        PERFORM refuse((SELECT CASE k WHEN 'from' THEN 'mail_from' ELSE k END FROM jsonb_object_keys(job.envelope) k LIMIT 1),
            'goes with a mail, and this cannot become one');
    END IF;
    RETURN job;
END $$;
COMMENT ON FUNCTION mailed IS 'The job with what it says about its mail.';

CREATE FUNCTION enqueue_notification_job(
    recipient_id uuid DEFAULT NULL, group_id uuid DEFAULT NULL, update_id uuid DEFAULT NULL,
    notification_type text DEFAULT NULL, urgency text DEFAULT NULL, delivery_method text DEFAULT NULL,
    content jsonb DEFAULT NULL, delay_minutes int DEFAULT NULL,
    external_id text DEFAULT NULL, priority text DEFAULT NULL, scheduled_for timestamptz DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL, metadata jsonb DEFAULT NULL, idempotency_key text DEFAULT NULL,
    cancel_key text DEFAULT NULL, max_retries int DEFAULT NULL,
    mail_from text DEFAULT NULL, reply_to text DEFAULT NULL, cc text[] DEFAULT NULL, bcc text[] DEFAULT NULL,
    headers jsonb DEFAULT NULL
) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    longest CONSTANT int := 366 * 24 * 60;
    job jobs;
    earlier uuid;
BEGIN
    IF num_nonnulls(recipient_id, external_id) = 0 THEN
        PERFORM refuse('recipient_id', 'is missing, and so is external_id');
    ELSIF num_nonnulls(recipient_id, external_id) = 2 THEN
        PERFORM refuse('external_id', 'cannot stand beside recipient_id');
    ELSIF num_nonnulls(urgency, priority) = 2 THEN
        PERFORM refuse('priority', 'is another name of urgency and cannot stand beside it');
    ELSIF delay_minutes NOT BETWEEN 0 AND longest THEN
        PERFORM refuse('delay_minutes', format('%s is not within 0 and %s, which is 366 days', delay_minutes, longest));
    ELSIF delay_minutes > 0 AND scheduled_for IS NOT NULL THEN
        PERFORM refuse('delay_minutes', 'cannot stand beside scheduled_for');
    ELSIF delivery_method <> ALL (ARRAY['email', 'sms', 'whatsapp', 'webhook', 'in_app']) THEN
        PERFORM refuse('delivery_method', format('%L is none of email, sms, whatsapp, webhook, in_app', delivery_method));
    END IF;
    job := addressed(job, recipient_id, external_id);
    job.channels := CASE WHEN delivery_method IS NOT NULL THEN ARRAY[delivery_method] END;
    IF num_nonnulls(mail_from, reply_to, cc, bcc, headers) > 0 THEN
        job := mailed(job, mail_from, reply_to, cc, bcc, headers);
    END IF;
    job.id := new_job_id();
    IF idempotency_key IS NOT NULL THEN
        earlier := earlier_job(job, idempotency_key, jsonb_build_array('enqueue_notification_job', job.recipient_id, group_id,
            update_id, notification_type, coalesce(priority, urgency), delivery_method, content, delay_minutes, metadata,
            cancel_key, max_retries)
            || CASE WHEN job.envelope IS NULL THEN '[]' ELSE jsonb_build_array(job.envelope) END, scheduled_for, expires_at);
        IF earlier IS NOT NULL THEN
            RETURN earlier;
        END IF;
    END IF;
    job := placed(job, group_id, update_id);
    job.priority := lane_of(CASE WHEN priority IS NULL THEN 'urgency' ELSE 'priority' END, coalesce(priority, urgency));
    job := timed(job, CASE WHEN delay_minutes > 0 THEN clock_timestamp() + make_interval(mins => delay_minutes)
        ELSE scheduled_for END, expires_at);
    PERFORM refuse_odd_retries(max_retries);
    job.max_retries := max_retries;
    RETURN take_on(saying(labelled(job, metadata, cancel_key), 'notification_type', notification_type, 'content', content));
END $$;
COMMENT ON FUNCTION enqueue_notification_job IS
    'Requests a notification for a recipient, who is named by recipient_id or external_id; part of the caller''s '
    'transaction. content: the template''s variables, or subject with body (or body_text, body_html) to be sent as given. '
    'Left out: no group, no update, normal priority, the channels the preferences allow, at once. Returns the job''s id.';

CREATE FUNCTION queue_notification(
    p_type text DEFAULT NULL, p_recipient_email text DEFAULT NULL, p_payload jsonb DEFAULT NULL,
    external_id text DEFAULT NULL, priority text DEFAULT NULL, scheduled_for timestamptz DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL, metadata jsonb DEFAULT NULL, idempotency_key text DEFAULT NULL,
    cancel_key text DEFAULT NULL, max_retries int DEFAULT NULL,
    mail_from text DEFAULT NULL, reply_to text DEFAULT NULL, cc text[] DEFAULT NULL, bcc text[] DEFAULT NULL,
    headers jsonb DEFAULT NULL
) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = hermodr, pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    job jobs;
    earlier uuid;
BEGIN
    IF num_nonnulls(p_recipient_email, external_id) = 2 THEN
        PERFORM refuse('external_id', 'cannot stand beside p_recipient_email');
    ELSIF external_id IS NULL THEN
        job.project_id := sole_project();
        job.to_email := email_address('p_recipient_email', p_recipient_email);
    ELSE
        job := addressed(job, NULL, external_id);
        job.channels := ARRAY['email'];
    END IF;
    IF num_nonnulls(mail_from, reply_to, cc, bcc, headers) > 0 THEN
        job := mailed(job, mail_from, reply_to, cc, bcc, headers);
    END IF;
    job.id := new_job_id();
    IF idempotency_key IS NOT NULL THEN
        earlier := earlier_job(job, idempotency_key, jsonb_build_array('queue_notification', job.recipient_id, job.to_email,
            p_type, p_payload, priority, metadata, cancel_key, max_retries)
            || CASE WHEN job.envelope IS NULL THEN '[]' ELSE jsonb_build_array(job.envelope) END, scheduled_for, expires_at);
        IF earlier IS NOT NULL THEN
            RETURN earlier;
        END IF;
    END IF;
    job.priority := lane_of('priority', priority);
    PERFORM refuse_odd_retries(max_retries);
    job.max_retries := max_retries;
    job := timed(job, scheduled_for, expires_at);
    RETURN take_on(saying(labelled(job, metadata, cancel_key), 'p_type', p_type, 'p_payload', p_payload));
END $$;
COMMENT ON FUNCTION queue_notification IS
    'Requests a mail to a bare address, or to the recipient with the external_id; part of the caller''s transaction. p_type '
    'names a template and p_payload holds its variables, or p_payload has a subject and a body to be sent as given. The '
    'project: SET hermodr.project, else the only one there is. Returns the job''s id.';

REVOKE ALL ON FUNCTION refuse_odd_mailbox, several_addresses, allowed_headers, mailed, enqueue_notification_job,
    queue_notification FROM PUBLIC;
GRANT EXECUTE ON FUNCTION enqueue_notification_job, queue_notification TO hermodr_producer;
