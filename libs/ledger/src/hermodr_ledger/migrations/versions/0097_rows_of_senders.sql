-- Rows that some roles may not change (ADR 0092), and standings that only the triggers of jobs write.

SET LOCAL search_path = hermodr, pg_catalog;

-- Whoever has a right to the table sees all rows, as before, also until the roles have their own policies.
CREATE POLICY whoever_may ON suppressions USING (true) WITH CHECK (true);
CREATE POLICY whoever_may ON dead_letters USING (true) WITH CHECK (true);
ALTER TABLE suppressions ENABLE ROW LEVEL SECURITY;
ALTER TABLE dead_letters ENABLE ROW LEVEL SECURITY;

-- With the owner's rights, so that no service needs one to the table: the row is named by the trigger.
ALTER FUNCTION keep_job_standing() SECURITY DEFINER;
ALTER FUNCTION keep_job_standing() SET search_path = hermodr, pg_catalog, pg_temp;
