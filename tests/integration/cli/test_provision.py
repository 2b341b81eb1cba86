"""`hermodr provision` against the real servers: every service may log in, and finds the same secrets next time."""

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
import asyncpg
import pytest

from hermodr_cli.broker_console import console
from hermodr_cli.commands.provision import BROKER, DATABASE, SHARED
from hermodr_contracts.broker_policies import policies
from hermodr_contracts.topology import Topology
from hermodr_devkit.backing import Backing
from hermodr_devkit.supervisor.variables import TOLD
from hermodr_ledger.rights.declared import ROLE_OF
from tests.support.brokers import Broker
from tests.support.sessions import fresh_name

LONG = "a-key-of-the-operators-own-which-is-long-enough"


class Site:
    """The servers, and a folder to be provisioned. Roles have a prefix of their own."""

    def __init__(self, folder: Path, database_url: str, broker: Broker, backing: Backing) -> None:
        if backing.management_url is None:
            pytest.fail("no management API: these tests want the servers of this clone")
        self.folder = folder
        self.broker = broker
        self.management_url = backing.management_url
        self.roles = fresh_name().replace("-", "_")
        self.variables = {
            "HERMODR_DATABASE_URL": database_url,
            "HERMODR_AMQP_URL": broker.amqp_url,
            "HERMODR_AMQP_PREFIX": broker.prefix,
            "HERMODR_DATABASE_ROLES": self.roles,
        }

    def provision(self, console_url: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hermodr_cli.main", "provision", str(self.folder)]
        command += ["--console", console_url or self.management_url]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
        return subprocess.run(command, env=kept | self.variables | more, capture_output=True, text=True)

    def secrets(self) -> Mapping[str, str]:
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.folder)): path.read_text(encoding="utf-8").strip() for path in files
        }


@pytest.fixture
def site(tmp_path: Path, database_url: str, broker: Broker, backing: Backing) -> Site:
    return Site(tmp_path / "secrets", database_url, broker, backing)


async def logins(secrets: Mapping[str, str]) -> dict[str, str]:
    """By service the database's role, after having been at the broker, too."""
    found = {}
    for service in ROLE_OF:
        connection = await asyncpg.connect(secrets[f"{service}/{DATABASE}"])
        found[service] = await connection.fetchval("SELECT current_user")
        await connection.close()
        await (await aio_pika.connect(secrets[f"{service}/{BROKER}"])).close()
    return found


def test_each_service_logs_in_as_itself_and_again_the_next_time(site: Site) -> None:
    done = site.provision()
    assert done.returncode == 0, done.stderr
    first = site.secrets()
    assert asyncio.run(logins(first)) == {
        service: f"{site.roles}_{role}" for service, role in ROLE_OF.items()
    }
    passwords = [urlsplit(value).password for name, value in first.items() if name.endswith("_url")]
    assert len(set(passwords)) == len(passwords) == 2 * len(ROLE_OF)
    assert not any(password and password in done.stderr for password in passwords)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in site.folder.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert site.provision().returncode == 0
    assert site.secrets() == first


def test_what_is_lost_is_made_anew_and_what_is_shared_stays_alike(site: Site) -> None:
    assert site.provision().returncode == 0
    before = dict(site.secrets())
    for name in (DATABASE, BROKER, "hermodr_secret_key"):
        (site.folder / "worker" / name).unlink()
    assert site.provision().returncode == 0
    after = site.secrets()
    assert {name for name in before if before[name] != after[name]} == {
        f"worker/{DATABASE}",
        f"worker/{BROKER}",
    }
    asyncio.run(logins(after))


def test_many_at_once_agree(site: Site) -> None:
    command = [sys.executable, "-m", "hermodr_cli.main", "provision", str(site.folder)]
    command += ["--console", site.management_url]
    running = [subprocess.Popen(command, env=os.environ | site.variables) for _ in range(2)]
    assert [each.wait() for each in running] == [0, 0]
    asyncio.run(logins(site.secrets()))


def test_secrets_are_told_to_those_who_read_them(site: Site) -> None:
    assert site.provision(HERMODR_SECRET_KEY=LONG).returncode == 0
    told = site.secrets()
    for name, services in SHARED.items():
        assert {spec.module.removeprefix("hermodr_").replace("_", "-") for spec in TOLD[name.upper()]} == set(
            services
        )
        values = {told[f"{service}/{name}"] for service in services}
        assert len(values) == 1
    assert told["api/hermodr_secret_key"] == LONG


def test_the_sandbox_is_told_nothing_in_production(site: Site) -> None:
    assert site.provision(HERMODR_ENV="production").returncode == 0
    assert not (site.folder / "sandbox").exists()


def test_policies_are_in_place(site: Site) -> None:
    assert site.provision().returncode == 0
    asyncio.run(_compare_policies(site))


async def _compare_policies(site: Site) -> None:
    async with console(site.broker.amqp_url, site.management_url) as client:
        answer = (await client.get(f"/api/policies/{site.broker.vhost}")).raise_for_status()
    found = {each["name"]: (each["pattern"], each["definition"]) for each in answer.json()}
    assert found == {each.name: (each.pattern, each.definition) for each in policies(site.broker.prefix)}
    assert Topology(site.broker.prefix).queues


def test_a_console_that_does_not_answer_or_refuses_is_named(site: Site) -> None:
    silent = site.provision("http://127.0.0.1:9")
    assert silent.returncode == 1
    assert "the broker's console does not answer" in silent.stderr
    assert "Traceback" not in silent.stderr
    refused = site.provision(HERMODR_AMQP_URL="amqp://nobody:wrong@127.0.0.1:1/")
    assert "the broker's console answers 401" in refused.stderr
