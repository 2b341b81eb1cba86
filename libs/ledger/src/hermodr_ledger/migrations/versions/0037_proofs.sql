-- What an attempt of unknown outcome turned out to be, and which providers can tell.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE attempts
    ADD COLUMN resolved_as text,                -- sent, not_sent: of an unknown outcome, once that is known
    ADD COLUMN proof text;                      -- how that is known

ALTER TABLE provider_limits ADD COLUMN provable boolean NOT NULL DEFAULT false;  -- it can tell later what it accepted
