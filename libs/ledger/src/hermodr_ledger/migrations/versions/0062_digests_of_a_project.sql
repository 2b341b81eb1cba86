-- Producers who named a project (SET hermodr.project) see and change its digest schedules alone.

SET LOCAL search_path = hermodr, pg_catalog;

DROP POLICY all_rows_of_producers ON digest_schedules;
CREATE POLICY of_project ON digest_schedules TO hermodr_producer
    USING ((project_id = hermodr.named_project()) IS NOT FALSE);
GRANT EXECUTE ON FUNCTION named_project TO hermodr_producer;
