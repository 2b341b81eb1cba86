-- What a job says about its mail, and about a bare address.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE jobs
    ADD COLUMN to_name text,       -- of a bare address
    ADD COLUMN to_locale text,     -- BCP 47, of a bare address
    ADD COLUMN envelope jsonb;     -- from, reply_to, cc, bcc, headers, provider; null for most
