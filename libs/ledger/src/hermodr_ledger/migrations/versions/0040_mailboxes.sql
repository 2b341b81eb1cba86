-- Who reads a mailbox, one process at a time, and whether that works.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE mailboxes (
    name text PRIMARY KEY,              -- bounces
    reader text NOT NULL,               -- the instance
    turn_until timestamptz NOT NULL,
    failure text,                       -- a code, of the last look
    failing_since timestamptz
);
