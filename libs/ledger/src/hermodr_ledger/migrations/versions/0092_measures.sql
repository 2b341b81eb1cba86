-- What is stored of people, groups, updates, inboxes and templates is measured by walks over their tables; and it is known
-- when what waits was counted last.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE stored_walks (
    part text PRIMARY KEY,           -- a table
    last uuid NOT NULL               -- rows up to this id are in stored_parts.counting
);
COMMENT ON TABLE stored_walks IS 'How far the measuring of a table has come.';

CREATE TABLE stored_parts (
    project_id uuid REFERENCES projects ON DELETE CASCADE,
    part text,
    octets bigint NOT NULL,          -- by the last whole walk
    counting bigint NOT NULL,        -- by the walk under way
    PRIMARY KEY (project_id, part)
);
COMMENT ON TABLE stored_parts IS 'What the rows of a project take in a table.';

CREATE TABLE waiting_counted (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    at timestamptz NOT NULL
);
COMMENT ON TABLE waiting_counted IS 'When project_usage.waiting_jobs was counted.';
INSERT INTO waiting_counted (at) VALUES (now());

REVOKE ALL ON TABLE stored_walks, stored_parts, waiting_counted FROM PUBLIC;
