-- What is known of the schemas of connections' databases (hermodr_ledger.connections.schemas).

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE connection_schemas (
    connection_id uuid PRIMARY KEY REFERENCES connections ON DELETE CASCADE,
    fingerprint text NOT NULL,
    tables integer NOT NULL,
    columns integer NOT NULL,
    indexes integer NOT NULL,
    document jsonb NOT NULL,
    changed_at timestamptz NOT NULL,
    checked_at timestamptz NOT NULL
);
COMMENT ON TABLE connection_schemas IS 'The last reading of the schema of a connection''s database.';
COMMENT ON COLUMN connection_schemas.fingerprint IS 'Of the catalogs that the reading depends on.';
