-- Ids are made before the commit, so a list in their order would pass by what is committed later. Each row knows its
-- transaction, and a walk goes from snapshot to snapshot (hermodr_ledger.snapshots, ADR 0038). Null: made before this.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE jobs ADD COLUMN xact xid8;
ALTER TABLE jobs ALTER COLUMN xact SET DEFAULT pg_current_xact_id();
CREATE INDEX jobs_committed ON jobs (project_id, xact, id) WHERE xact IS NOT NULL;

DO $$
DECLARE
    listed text;
BEGIN
    FOREACH listed IN ARRAY ARRAY['recipients', 'groups', 'group_members', 'updates', 'templates', 'api_keys', 'audit_log',
        'dead_letters']
    LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN xact xid8', listed);
        EXECUTE format('ALTER TABLE %I ALTER COLUMN xact SET DEFAULT pg_current_xact_id()', listed);
        EXECUTE format('CREATE INDEX %I ON %I (xact) WHERE xact IS NOT NULL', listed || '_committed', listed);
    END LOOP;
END $$;
