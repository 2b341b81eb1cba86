-- People at the operators' console, who logged in at an identity provider.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE person_sessions (
    hash bytea PRIMARY KEY,
    issuer text NOT NULL,
    subject text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE person_sessions IS 'Sessions of people at the console, by the hash of their secret.';
CREATE INDEX person_sessions_expired ON person_sessions (expires_at);
CREATE INDEX person_sessions_person ON person_sessions (issuer, subject);

-- Which kinds of actors there are is the code's to say (ActorKind): a new check would read the whole log under a lock.
ALTER TABLE audit_log DROP CONSTRAINT audit_log_actor_check;
