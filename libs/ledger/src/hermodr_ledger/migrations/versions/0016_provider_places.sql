-- Where each provider is, and what an operator allowed it.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE provider_limits
    ADD COLUMN rate_configured double precision,         -- calls a second; null: any number
    ADD COLUMN place text NOT NULL DEFAULT '',           -- for people, without credentials
    ADD COLUMN position int NOT NULL DEFAULT 1;          -- in the order of preference
