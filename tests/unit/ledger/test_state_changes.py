"""Where jobs and deliveries are written. What changes their states must pass the triggers of the log of changes, which
stand on the partitioned tables and not on their weeks, and must tell the ledger's listener."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CODE = [ROOT / "libs", ROOT / "services", ROOT / "tools"]
LEDGER = ROOT / "libs/ledger/src/hermodr_ledger"
UPKEEP = {
    LEDGER / "upkeep/retention.py",
    LEDGER / "migrations/versions/0004_operating.sql",
    LEDGER / "migrations/versions/0018_weeks_unnoticed.sql",
    LEDGER / "migrations/versions/0032_attachments.sql",
}
"""They move rows between the catch-all partition and a week, whose states stay."""

_WRITTEN = re.compile(
    r"(?:\bINSERT\s+INTO|\bDELETE\s+FROM|\bMERGE\s+INTO|\bCOPY|\bTRUNCATE|(?<!FOR )(?<!DO )(?<!AFTER )\bUPDATE)"
    r"\s+(?!SET\b|OF\b|ON\b|SKIP\b)(?:ONLY\s+)?(?:hermodr\.)?([\w%{}\"]+)"
)
_ENTERED = re.compile(
    r"INSERT INTO hermodr\.(?:jobs|deliveries)\b"
    r"|UPDATE hermodr\.(?:jobs|deliveries)\b[^;]*?\bSET\b(?:(?!FROM|WHERE)[^;])*?\bstate = "
)
"""A statement that changes states."""


def texts_of(path: Path) -> Iterator[str]:
    """The strings of a module, `{}` for what is filled in; or all of an SQL file."""
    if path.suffix == ".sql":
        yield re.sub(r"--.*", "", path.read_text("utf-8"))
        return
    tree = ast.parse(path.read_text("utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


@cache
def sources() -> list[Path]:
    """The files in which something is written."""
    files = (path for folder in CODE for kind in ("py", "sql") for path in folder.rglob(f"*.{kind}"))
    return sorted(path for path in files if _WRITTEN.search(path.read_text("utf-8")))


def partitions_written(text: str) -> list[str]:
    """What a text writes to that is a partition of jobs or deliveries, or may be one."""
    return [
        name
        for name in _WRITTEN.findall(text)
        if re.match(r"\"?(jobs|deliveries)_", name) or re.search(r"[%{]", name)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE hermodr.jobs_20261123 SET state = 'failed'",
        "DELETE FROM deliveries_rest",
        "INSERT INTO hermodr.{}_{} VALUES (1)",
        "EXECUTE format('UPDATE %I SET state = 1', name)",
        "WITH a AS (SELECT 1) UPDATE ONLY hermodr.jobs_rest j SET state = 'x'",
    ],
)
def test_the_search_finds(text: str) -> None:
    assert len(partitions_written(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE hermodr.jobs j SET state = 'failed' FROM jobs_rest",
        "INSERT INTO hermodr.job_standings VALUES (1) ON CONFLICT DO UPDATE SET a = 1",
        "SELECT 1 FROM hermodr.jobs_rest FOR UPDATE OF j",
        "CREATE TRIGGER a AFTER UPDATE ON jobs",
    ],
)
def test_the_search_spares(text: str) -> None:
    assert partitions_written(text) == []


def test_nothing_but_upkeep_writes_to_a_partition() -> None:
    found = {
        (path, name) for path in sources() for text in texts_of(path) for name in partitions_written(text)
    }
    assert sorted((str(path), name) for path, name in found if path not in UPKEEP) == []
    assert {path for path, _ in found} == UPKEEP


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("INSERT INTO hermodr.jobs (id) VALUES ($1)", True),
        ("UPDATE hermodr.deliveries d SET error = 1, state = 'sent' WHERE d.id = $1", True),
        ("UPDATE hermodr.deliveries d SET error = 1 WHERE d.state = 'sent'", False),
        ("INSERT INTO hermodr.job_standings VALUES ($1)", False),
    ],
)
def test_a_statement_that_changes_states_is_known(text: str, changes: bool) -> None:
    assert bool(_ENTERED.search(text)) is changes


def test_every_module_that_changes_states_tells_of_it() -> None:
    """An SQL file is run by the module of its folder that names it."""
    changing = {
        path
        for path in sources()
        if "migrations" not in path.parts and any(_ENTERED.search(text) for text in texts_of(path))
    }
    modules = {each for each in changing if each.suffix == ".py"}
    for file in changing - modules:
        modules |= {each for each in file.parent.glob("*.py") if f'"{file.stem}"' in each.read_text("utf-8")}
    assert len(modules) >= 9
    silent = [str(each) for each in modules if ".tell(news." not in each.read_text("utf-8")]
    assert silent == []
