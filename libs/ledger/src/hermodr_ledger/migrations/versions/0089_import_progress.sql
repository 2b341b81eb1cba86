-- How far imports of recipients have come (hermodr_ledger.people.importing).

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE import_progress (
    file_id uuid PRIMARY KEY REFERENCES files ON DELETE CASCADE,
    rows integer NOT NULL DEFAULT 0,
    created integer NOT NULL DEFAULT 0,
    updated integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE import_progress IS 'How many rows of a CSV are taken, written in the transaction that took them.';
