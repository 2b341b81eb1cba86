-- Which types of tasks there are, and whether end users may start them.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE task_types (
    name text PRIMARY KEY,
    users boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE task_types IS 'The types of tasks that workers declare; users: end users may start them.';
