-- Open connections of end users, told by each process of the api: a project sees how many it has in all.

SET LOCAL search_path = hermodr, pg_catalog;

CREATE TABLE open_sockets (
    project_id uuid REFERENCES projects ON DELETE CASCADE,
    instance text,                   -- the process
    sockets bigint NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, instance)
);
COMMENT ON TABLE open_sockets IS 'Open connections of end users of a project, by process of the api.';

REVOKE ALL ON TABLE open_sockets FROM PUBLIC;
