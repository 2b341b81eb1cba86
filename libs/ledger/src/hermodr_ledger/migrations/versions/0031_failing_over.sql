-- Which provider a delivery may go to next, and whether providers work.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE deliveries
    ADD COLUMN refused_by text[],               -- providers that refused it in this step of the ladder
    ADD COLUMN maybe_accepted_by text,          -- the provider whose answer is unknown; no other one may get it
    ADD COLUMN unknown_since timestamptz;

ALTER TABLE provider_limits
    ADD COLUMN weight int,
    ADD COLUMN breaker text NOT NULL DEFAULT 'closed',  -- closed, half_open, open
    ADD COLUMN probes_at timestamptz,
    ADD COLUMN calls_of_hour int NOT NULL DEFAULT 0,
    ADD COLUMN accepted_of_hour int NOT NULL DEFAULT 0,
    ADD COLUMN failed_code text,
    ADD COLUMN failed_at timestamptz;
