"""What `make check` refuses in migrations (tools/migrations.py)."""

from pathlib import Path

import pytest

import migrations


def found(sql: str) -> list[str]:
    return [complaint for _, complaint in migrations.complaints(sql)]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX jobs_x ON jobs (x);",
        "create unique index if not exists jobs_x\n  on hermodr.jobs (x) where y is null;",
        "CREATE INDEX CONCURRENTLY jobs_x ON jobs (x);",
        "UPDATE jobs SET x = 1 WHERE id > 'a';",
        "DELETE FROM jobs;",
        "WITH some AS (SELECT 1) UPDATE jobs SET x = 1;",
        "DO $$ BEGIN IF true THEN UPDATE jobs SET x = 1; END IF; END $$;",
        "ALTER TABLE jobs ADD COLUMN x uuid NOT NULL DEFAULT gen_random_uuid();",
        "ALTER TABLE jobs ADD COLUMN x uuid DEFAULT (hermodr.fresh());",
        "ALTER TABLE jobs ADD COLUMN x text, ADD COLUMN y int NOT NULL;",
        "ALTER TABLE jobs ADD checked_at timestamptz DEFAULT clock_timestamp();",
        "ALTER TABLE jobs ADD COLUMN x int GENERATED ALWAYS AS (y + 1) STORED;",
        "ALTER TABLE jobs ADD COLUMN x int CHECK (x > 0);",
        "ALTER TABLE ONLY hermodr.jobs ADD CONSTRAINT c CHECK (x IS NOT NULL);",
        "ALTER TABLE jobs ADD FOREIGN KEY (x) REFERENCES y;",
        "ALTER TABLE jobs ADD CONSTRAINT u UNIQUE (x, y);",
        "ALTER TABLE jobs ALTER COLUMN x TYPE bigint;",
        "ALTER TABLE jobs ALTER x SET NOT NULL;",
        "ALTER TABLE jobs RENAME COLUMN x TO y;",
        "ALTER TABLE jobs RENAME TO works;",
        "ALTER TABLE jobs DROP COLUMN x;",
        "ALTER TABLE jobs DROP x;",
        "DROP TABLE IF EXISTS jobs;",
        "TRUNCATE jobs;",
        "LOCK TABLE jobs IN SHARE MODE;",
        "REINDEX TABLE jobs;",
        "ALTER TABLE jobs ADD CONSTRAINT c CHECK (x > 0) NOT VALID; ALTER TABLE jobs VALIDATE CONSTRAINT c;",
    ],
)
def test_what_keeps_a_running_installation_waiting_is_refused(sql: str) -> None:
    assert found(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE fresh (x int); CREATE INDEX fresh_x ON fresh (x); ALTER TABLE fresh ADD CHECK (x > 0);",
        "ALTER TABLE jobs ADD COLUMN x jsonb, ADD COLUMN y text NOT NULL DEFAULT 'a, CHECK (b) NOT NULL';",
        "ALTER TABLE jobs ADD COLUMN x timestamptz NOT NULL DEFAULT now();",
        "ALTER TABLE jobs ADD CONSTRAINT c CHECK (x > 0) NOT VALID;",
        "ALTER TABLE jobs VALIDATE CONSTRAINT c;",
        "ALTER TABLE jobs ADD CONSTRAINT u UNIQUE USING INDEX u;",
        "ALTER TABLE jobs DROP CONSTRAINT c;",
        "CREATE TABLE fresh (x int); REVOKE ALL ON TABLE fresh FROM hermodr_worker;",
        "REVOKE ALL ON FUNCTION f FROM PUBLIC;",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN UPDATE jobs SET x = 1; END $$;",
        "INSERT INTO settings VALUES (1) ON CONFLICT (id) DO UPDATE SET x = 2;",
        "-- UPDATE jobs SET x = 1;\nCOMMENT ON TABLE jobs IS 'DELETE FROM jobs;';",
    ],
)
def test_what_is_over_at_once_passes(sql: str) -> None:
    assert found(sql) == []


def test_a_reason_excuses_its_statement_alone() -> None:
    sql = "-- lock: a row a project\nUPDATE projects SET x = 1;\n\n-- Lock:\nUPDATE jobs\n  SET x = 1;\n"
    assert [line for line, _ in migrations.complaints(sql)] == [5]


RAISED = "UPDATE hermodr.schema_version SET usable_from = '0095';\n"


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE jobs;",
        "ALTER TABLE jobs DROP COLUMN x;",
        "ALTER TABLE jobs RENAME COLUMN x TO y;",
        "ALTER FUNCTION hermodr.f() RENAME TO g;",
        "REVOKE UPDATE (state) ON hermodr.jobs FROM hermodr_worker;",
        "REVOKE ALL ON TABLE jobs FROM hermodr_worker;",
    ],
)
def test_what_takes_away_keeps_out_who_uses_it_and_no_reason_excuses_it(sql: str) -> None:
    assert "raise usable_from" in found(f"-- lock: a moment\n{sql}")[0]
    assert found(RAISED + sql) == []
    assert found(f"{RAISED}{sql} UPDATE jobs SET x = 1;") != []


def test_statements_beside_the_sql_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "0090_old.py").write_text("op.execute('UPDATE jobs')")
    (tmp_path / "0092_new.py").write_text("op.execute('UPDATE jobs')")
    (tmp_path / "0093_index.py").write_text("index_while_in_use('0093_index.sql')")
    (tmp_path / "0093_index.sql").write_text("CREATE INDEX jobs_x ON jobs (x);")
    (tmp_path / "0093_more.py").write_text(
        "execute_file('0093_index.sql')\nindex_while_in_use('0093_index.sql')"
    )
    (tmp_path / "0094_update.py").write_text("execute_file('0094_update.sql')")
    (tmp_path / "0094_update.sql").write_text("\nUPDATE jobs SET x = 1;")
    assert [line.partition(": ")[0] for line in migrations.checked(tmp_path)] == [
        "0092_new.py",
        "0093_more.py",
        "0094_update.sql:2",
    ]


def test_todays_migrations_pass() -> None:
    assert list(migrations.checked(migrations.FOLDER)) == []
