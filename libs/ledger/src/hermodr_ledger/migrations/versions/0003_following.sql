-- What listing and counting jobs needs.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE jobs ADD COLUMN requeues smallint NOT NULL DEFAULT 0;                -- how often it was asked for again
ALTER TABLE deliveries ADD COLUMN earlier_attempts smallint NOT NULL DEFAULT 0;  -- those made before it was last asked for again
CREATE INDEX dead_letters_job ON dead_letters (job_id) WHERE job_id IS NOT NULL;

-- Lists. Every index here costs every mail, twice: a job is written when it is taken on and again when it is decided
-- upon. None has a column that changes after that, so a job's completion stays on its page (ADR 0018).
CREATE INDEX jobs_page ON jobs (project_id, id) INCLUDE (type);
CREATE INDEX jobs_processed ON jobs (project_id, processed_at, id) WHERE processed_at IS NOT NULL;
CREATE INDEX jobs_scheduled ON jobs (project_id, scheduled_for, id) WHERE scheduled_for IS NOT NULL;
CREATE INDEX jobs_recipient ON jobs (recipient_id, id) WHERE recipient_id IS NOT NULL;
CREATE INDEX jobs_owner ON jobs (project_id, owner_id, id) WHERE owner_id IS NOT NULL;
CREATE INDEX jobs_group ON jobs (group_id, id) WHERE group_id IS NOT NULL;

CREATE TABLE job_standings (                   -- jobs in the states that last and are rare; kept by the triggers below
    project_id uuid NOT NULL,
    state text NOT NULL,
    id uuid NOT NULL,
    PRIMARY KEY (project_id, state, id)
);
COMMENT ON TABLE job_standings IS 'An index by state beside the jobs: one of theirs would make every completion write all their indexes anew.';

CREATE FUNCTION keep_job_standing() RETURNS trigger
    LANGUAGE plpgsql SET search_path = hermodr, pg_catalog AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM job_standings WHERE project_id = OLD.project_id AND state = OLD.state AND id = OLD.id;
    END IF;
    IF NEW.state IN ('scheduled', 'retrying', 'failed', 'cancelled', 'skipped') THEN
        INSERT INTO job_standings (project_id, state, id) VALUES (NEW.project_id, NEW.state, NEW.id) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_standing_begun AFTER INSERT ON jobs FOR EACH ROW
    WHEN (NEW.state IN ('scheduled', 'retrying', 'failed', 'cancelled', 'skipped'))
    EXECUTE FUNCTION keep_job_standing();
CREATE TRIGGER jobs_standing_changed AFTER UPDATE ON jobs FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND (OLD.state IN ('scheduled', 'retrying', 'failed', 'cancelled', 'skipped')
                                      OR NEW.state IN ('scheduled', 'retrying', 'failed', 'cancelled', 'skipped')))
    EXECUTE FUNCTION keep_job_standing();

INSERT INTO job_standings (project_id, state, id)
SELECT project_id, state, id FROM jobs WHERE state IN ('scheduled', 'retrying', 'failed', 'cancelled', 'skipped');
