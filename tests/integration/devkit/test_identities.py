"""Roles belong to the whole server: nobody's password is set anew."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from hermodr_devkit.supervisor.identities import Identities, OthersRoles, identities
from hermodr_ledger import migrate
from tests.support.servers import private_postgres

pytestmark = pytest.mark.asyncio


@pytest.fixture
def url() -> Iterator[str]:
    with private_postgres() as server:
        migrate.upgrade(server.url())
        yield server.url()


async def test_roles_that_let_in_another_installation_are_left_alone(url: str) -> None:
    first = await identities(url)
    assert await identities(url) == first
    owner = await asyncpg.connect(url)
    verifiers = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname LIKE 'hermodr_%' ORDER BY 1"
    before = await owner.fetch(verifiers)
    await owner.execute("CREATE ROLE another SUPERUSER LOGIN PASSWORD 'of-another-installation'")
    parts = urlsplit(url)
    place = f"another:of-another-installation@{parts.netloc.rpartition('@')[2]}"
    other = urlunsplit(parts._replace(netloc=place))
    with pytest.raises(OthersRoles, match=r"hermodr_api, .*HERMODR_DATABASE_ROLES"):
        await identities(other)
    assert await owner.fetch(verifiers) == before
    assert (await migrate_and_admit(other, "mine")).database.keys() == first.database.keys()
    assert await owner.fetch(verifiers) == before
    await owner.close()
    for each in first.database.values():
        await (await asyncpg.connect(each)).close()


async def migrate_and_admit(url: str, prefix: str) -> Identities:
    await asyncio.to_thread(migrate.upgrade, url, prefix)
    return await identities(url, prefix=prefix)
