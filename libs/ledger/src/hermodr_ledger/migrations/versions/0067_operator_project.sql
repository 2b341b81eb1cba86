-- One project operates the installation; `hermodr migrate` makes it.

SET LOCAL search_path = hermodr, pg_catalog;

ALTER TABLE projects ADD COLUMN operates boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX projects_operates ON projects (operates) WHERE operates;

-- The operators' project is there from the beginning, so it does not count beside a first one.
CREATE OR REPLACE FUNCTION sole_project() RETURNS uuid
    LANGUAGE plpgsql STABLE SET search_path = hermodr, pg_catalog, pg_temp AS $$
DECLARE
    found uuid[] := ARRAY[named_project()];
BEGIN
    IF found[1] IS NULL THEN
        found := ARRAY(SELECT p.id FROM projects p WHERE NOT p.operates LIMIT 2);
    END IF;
    IF cardinality(found) = 0 THEN
        PERFORM refuse('hermodr.project', 'there is no project yet; hermodr keys create --project NAME makes one');
    ELSIF cardinality(found) > 1 THEN
        PERFORM refuse('hermodr.project', 'there are several projects: SET hermodr.project = NAME, or for good '
            'ALTER ROLE … SET hermodr.project = NAME');
    END IF;
    RETURN found[1];
END $$;
COMMENT ON FUNCTION sole_project IS 'The project of SET hermodr.project, else the only one beside that of the operators.';
