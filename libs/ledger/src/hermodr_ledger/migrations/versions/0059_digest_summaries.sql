-- When somebody began to ask for a digest's summary: nobody asks twice, and nobody waits for long.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE digest_runs ADD COLUMN summary_asked_at timestamptz;
