"""The key that `hermodr up` gives the sandbox."""

from pathlib import Path

import pytest

from hermodr_devkit.supervisor.sandbox_key import PROJECT, RECORD, VARIABLE, sandbox_key, wanted
from hermodr_devkit.supervisor.services import API, SANDBOX
from hermodr_ledger.access import keys
from hermodr_ledger.engine.paging import Page
from tests.support.ledgers import opened


@pytest.mark.parametrize(
    ("specs", "environment", "given"),
    [
        ((API, SANDBOX), {}, True),
        ((API, SANDBOX), {"HERMODR_HTTP_HOST": "127.0.0.1"}, True),
        ((API,), {}, False),
        ((API, SANDBOX), {VARIABLE: ""}, False),
        ((API, SANDBOX), {"HERMODR_HTTP_HOST": "0.0.0.0"}, False),
    ],
)
def test_only_a_sandbox_that_nobody_else_reaches_is_given_one(
    specs: tuple[object, ...], environment: dict[str, str], given: bool
) -> None:
    assert wanted(specs, environment) is given  # type: ignore[arg-type]


async def test_a_key_that_reads_is_made_once_and_anew_when_it_was_revoked(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERMODR_STATE_DIR", str(tmp_path))
    first = await sandbox_key(database_url)
    assert await sandbox_key(database_url) == first
    assert (tmp_path / RECORD).stat().st_mode & 0o077 == 0
    async with opened(database_url) as ledger:
        (found,) = (await keys.find(ledger, [keys.hash_of(first)])).values()
        assert (found.key.scopes, found.key.name) == (("read",), "sandbox")
        (project,) = await ledger.fetch("SELECT id FROM hermodr.projects WHERE name = $1", PROJECT)
        assert found.key.project_id == project["id"]
        await ledger.fetch("UPDATE hermodr.api_keys SET revoked_at = now()")
        second = await sandbox_key(database_url)
        assert second != first
        assert len(await keys.page(ledger.cold, project["id"], Page(10))) == 2
