-- Auto-syncs for callers who speak SQL. A producer begins, pauses and ends them, and sees their jobs; a reader sees those
-- that they organize.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE OR REPLACE VIEW auto_sync_messages WITH (security_invoker = true) AS
SELECT d.id, d.project_id, q.sync_id AS auto_sync_id,
    CASE WHEN q.job_type = 'pause_check_48h' THEN 'pause' ELSE 'reminder' END AS message_type, d.recipient_id,
    d.channel, d.state AS status, d.error AS error_message, d.created_at,
    CASE WHEN d.state IN ('sent', 'delivered', 'complained') THEN d.finished_at END AS sent_at
FROM (
    SELECT q.id, q.sync_id, q.job_type FROM job_queue q
    UNION ALL SELECT m.job_id, m.sync_id, 'reminder_24h' FROM auto_sync_reminders m
) q JOIN deliveries d ON d.id > q.id AND d.id <= last_child_of(q.id);
COMMENT ON VIEW auto_sync_messages IS 'The messages of auto-syncs and of the jobs in job_queue, one row for each.';

CREATE VIEW auto_sync_jobs_pending WITH (security_invoker = true) AS
SELECT q.* FROM job_queue q WHERE q.status = 'pending';
COMMENT ON VIEW auto_sync_jobs_pending IS 'The jobs in job_queue that wait.';

CREATE VIEW auto_sync_jobs_stuck WITH (security_invoker = true) AS
SELECT q.* FROM job_queue q WHERE q.status IN ('pending', 'processing') AND q.scheduled_at < now() - interval '5 minutes';
COMMENT ON VIEW auto_sync_jobs_stuck IS 'The jobs in job_queue that should have been done five minutes ago.';

ALTER TABLE auto_syncs ENABLE ROW LEVEL SECURITY;
ALTER TABLE auto_sync_responses ENABLE ROW LEVEL SECURITY;
ALTER TABLE auto_sync_reminders ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_rows ON auto_syncs FOR SELECT TO hermodr_reader
    USING (EXISTS (SELECT 1 FROM hermodr.recipients r WHERE r.id = organizer_id));
CREATE POLICY own_rows ON auto_sync_responses FOR SELECT TO hermodr_reader
    USING (EXISTS (SELECT 1 FROM hermodr.auto_syncs s WHERE s.id = sync_id));
CREATE POLICY own_rows ON auto_sync_reminders FOR SELECT TO hermodr_reader
    USING (EXISTS (SELECT 1 FROM hermodr.auto_syncs s WHERE s.id = sync_id)
        OR EXISTS (SELECT 1 FROM hermodr.jobs j WHERE j.id = job_id));
CREATE POLICY all_rows ON auto_syncs FOR SELECT TO hermodr_operator USING (true);
CREATE POLICY all_rows ON auto_sync_responses FOR SELECT TO hermodr_operator USING (true);
CREATE POLICY all_rows ON auto_sync_reminders FOR SELECT TO hermodr_operator USING (true);

CREATE POLICY of_project ON auto_syncs TO hermodr_producer
    USING ((project_id = hermodr.named_project()) IS NOT FALSE);
CREATE POLICY of_project ON auto_sync_responses TO hermodr_producer
    USING (EXISTS (SELECT 1 FROM hermodr.auto_syncs s WHERE s.id = sync_id));
CREATE POLICY of_project ON auto_sync_reminders FOR SELECT TO hermodr_producer
    USING (EXISTS (SELECT 1 FROM hermodr.auto_syncs s WHERE s.id = sync_id));
CREATE POLICY reminders ON jobs FOR SELECT TO hermodr_producer
    USING (kind = 'reminder' AND (project_id = hermodr.named_project()) IS NOT FALSE);
CREATE POLICY reminders ON deliveries FOR SELECT TO hermodr_producer
    USING (EXISTS (SELECT 1 FROM hermodr.auto_sync_reminders m WHERE m.job_id = deliveries.job_id));

GRANT INSERT (organizer_id, group_id, event_name, status, response_goal, response_target, timezone, reminder_after,
    pause_after, channel, data, started_at), UPDATE (status) ON auto_syncs TO hermodr_producer;
GRANT INSERT (sync_id, member_id, response) ON auto_sync_responses TO hermodr_producer;
GRANT SELECT ON auto_syncs, auto_sync_responses, auto_sync_reminders, job_queue, auto_sync_messages, auto_sync_jobs_pending,
    auto_sync_jobs_stuck TO hermodr_producer;
GRANT SELECT (id, project_id, kind, type, state, data, metadata, scheduled_for, created_at, finished_at, error)
    ON jobs TO hermodr_producer;
GRANT SELECT (id, job_id, project_id, recipient_id, channel, state, error, created_at, finished_at)
    ON deliveries TO hermodr_producer;
GRANT EXECUTE ON FUNCTION new_id, named_project, as_uuid, last_child_of TO hermodr_producer;
GRANT SELECT ON auto_syncs, auto_sync_responses, auto_sync_reminders, auto_sync_jobs_pending, auto_sync_jobs_stuck
    TO hermodr_reader, hermodr_operator;
