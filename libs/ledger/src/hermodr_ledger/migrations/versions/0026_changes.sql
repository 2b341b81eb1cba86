-- The log of state changes that somebody listens to: written by triggers in the transaction that changes the state, so no
-- statement can forget it. Read by cursors (hermodr_ledger.changes, ADR 0043), kept for some days.

SET LOCAL search_path = hermodr, pg_catalog;

-- A number is drawn while the row that changes is locked, so the changes of a row are numbered in the order they happened;
-- numbers cached by sessions would not be.
CREATE SEQUENCE changes_seq CACHE 1;
SELECT setval('changes_seq', 1);

CREATE TABLE changes (
    project_id uuid NOT NULL,
    seq bigint NOT NULL DEFAULT nextval('hermodr.changes_seq'),
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT now(),
    job_id uuid NOT NULL,
    delivery_id uuid,                          -- null: the job itself changed
    channel text,
    previous_state text,                       -- null: it is new
    state text NOT NULL,
    attempt smallint,
    PRIMARY KEY (project_id, seq)
);
CREATE INDEX changes_transactions ON changes (xact, seq);

CREATE TABLE change_listeners (
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    name text NOT NULL CHECK (name <> ''),     -- what listens: 'webhooks', 'digests'
    created_at timestamptz NOT NULL DEFAULT now(),
    -- The cursor. All that `seen` shows was read, and what it does not show is numbered above `mark`, but for transactions
    -- that were under way then. While a round is open, what `shown` shows is being read, up to `place` so far.
    seen pg_snapshot NOT NULL,
    mark bigint NOT NULL,
    shown pg_snapshot,
    shown_mark bigint,
    place bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, name)
);

-- Without a listener each costs its look into an empty table. `before` and `after` are brought together by grouping: the
-- connections of the services join by nested loops only, and no transition table has an index.
CREATE FUNCTION log_job_states() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM hermodr.change_listeners) THEN
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO hermodr.changes (project_id, job_id, state)
        SELECT a.project_id, a.id, a.state FROM after a
        WHERE a.project_id IN (SELECT l.project_id FROM hermodr.change_listeners l);
    ELSE
        INSERT INTO hermodr.changes (project_id, job_id, previous_state, state)
        SELECT r.project_id, r.id, max(r.state) FILTER (WHERE r.old), max(r.state) FILTER (WHERE NOT r.old)
        FROM (SELECT b.id, b.project_id, b.state, true AS old FROM before b
              UNION ALL SELECT a.id, a.project_id, a.state, false FROM after a) r
        WHERE r.project_id IN (SELECT l.project_id FROM hermodr.change_listeners l)
        GROUP BY r.project_id, r.id
        HAVING count(*) = 2 AND max(r.state) FILTER (WHERE r.old) IS DISTINCT FROM max(r.state) FILTER (WHERE NOT r.old);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION log_delivery_states() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM hermodr.change_listeners) THEN
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO hermodr.changes (project_id, job_id, delivery_id, channel, state, attempt)
        SELECT a.project_id, a.job_id, a.id, a.channel, a.state, a.attempt FROM after a
        WHERE a.project_id IN (SELECT l.project_id FROM hermodr.change_listeners l);
    ELSE
        INSERT INTO hermodr.changes (project_id, job_id, delivery_id, channel, previous_state, state, attempt)
        SELECT r.project_id, r.job_id, r.id, max(r.channel) FILTER (WHERE NOT r.old),
            max(r.state) FILTER (WHERE r.old), max(r.state) FILTER (WHERE NOT r.old), max(r.attempt) FILTER (WHERE NOT r.old)
        FROM (SELECT b.id, b.project_id, b.job_id, b.channel, b.state, b.attempt, true AS old FROM before b
              UNION ALL SELECT a.id, a.project_id, a.job_id, a.channel, a.state, a.attempt, false FROM after a) r
        WHERE r.project_id IN (SELECT l.project_id FROM hermodr.change_listeners l)
        GROUP BY r.project_id, r.job_id, r.id
        HAVING count(*) = 2 AND max(r.state) FILTER (WHERE r.old) IS DISTINCT FROM max(r.state) FILTER (WHERE NOT r.old);
    END IF;
    RETURN NULL;
END $$;

-- On the partitioned tables themselves: statements name those, and weeks come and go without a trigger of their own.
CREATE TRIGGER jobs_made AFTER INSERT ON jobs
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION log_job_states();
CREATE TRIGGER jobs_changed AFTER UPDATE ON jobs
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION log_job_states();
CREATE TRIGGER deliveries_made AFTER INSERT ON deliveries
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION log_delivery_states();
CREATE TRIGGER deliveries_changed AFTER UPDATE ON deliveries
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION log_delivery_states();

REVOKE ALL ON FUNCTION log_job_states, log_delivery_states FROM PUBLIC;
