-- Whom mails are from and where answers go, for those mails of a template or a project that do not say it themselves.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE projects ADD COLUMN mail_from text, ADD COLUMN reply_to text[];
ALTER TABLE templates ADD COLUMN mail_from text, ADD COLUMN reply_to text[];

CREATE FUNCTION with_mail_defaults(job jobs) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    sender text;
    replies text[];
BEGIN
    IF job.kind <> 'notification' OR job.to_phone IS NOT NULL OR (job.channels IS NOT NULL AND 'email' <> ALL (job.channels)) THEN
        RETURN job.envelope;
    END IF;
    SELECT coalesce(t.mail_from, p.mail_from), coalesce(t.reply_to, p.reply_to) INTO sender, replies
    FROM projects p LEFT JOIN templates t ON t.project_id = p.id AND t.name = job.type AND job.content IS NULL
    WHERE p.id = job.project_id;
    IF num_nonnulls(sender, replies) = 0 THEN
        RETURN job.envelope;
    END IF;
    RETURN jsonb_strip_nulls(jsonb_build_object('from', sender, 'reply_to', to_jsonb(replies))) || coalesce(job.envelope, '{}');
END $$;
COMMENT ON FUNCTION with_mail_defaults IS 'The job''s envelope, with from and reply_to of its template, else of its project.';

CREATE OR REPLACE FUNCTION take_on(job jobs) RETURNS uuid
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    asked timestamptz := clock_timestamp();
BEGIN
    job.id := coalesce(job.id, new_job_id());
    INSERT INTO jobs (id, project_id, kind, type, state, priority, channels, recipient_id, to_email, owner_id, data,
        content, metadata, group_id, update_id, singleton_key, scheduled_for, expires_at, max_retries, cancel_key,
        created_at, wake_at, unannounced, envelope)
    VALUES (job.id, job.project_id, job.kind, job.type, CASE WHEN job.scheduled_for IS NULL THEN 'queued' ELSE 'scheduled' END,
        job.priority, job.channels, job.recipient_id, job.to_email, job.owner_id, job.data,
        job.content, job.metadata, job.group_id, job.update_id, job.singleton_key, job.scheduled_for, job.expires_at,
        job.max_retries, job.cancel_key,
        asked, coalesce(job.scheduled_for, asked), job.scheduled_for IS NULL, with_mail_defaults(job));
    IF current_setting('hermodr.notify', true) IS DISTINCT FROM 'off' THEN
        PERFORM pg_notify('hermodr_due', '');
    END IF;
    RETURN job.id;
END $$;

REVOKE ALL ON FUNCTION with_mail_defaults FROM PUBLIC;
