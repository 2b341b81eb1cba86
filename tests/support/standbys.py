"""A primary and its standby, of a test's own: what is committed on the one is on the other."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import asyncpg

from hermodr_devkit.backing import EmbeddedPostgres, account, ports
from hermodr_devkit.backing.postgres import find_installation
from tests.support import servers

NAME = "standby"
PROMOTING_SECONDS = 30


class Standby(EmbeddedPostgres):
    """A copy of `primary`, which runs, that follows it by streaming until it is promoted."""

    def copy(self, primary: EmbeddedPostgres) -> None:
        """Takes the base backup. `start` does the rest."""
        who = account.for_postgres()
        programs = account.reachable_copy(who, find_installation(), self.home)
        command = [
            str(programs / "bin" / "pg_basebackup"),
            "--pgdata",
            str(self.data),
            "--write-recovery-conf",
        ]
        command += ["--wal-method", "stream", "--checkpoint", "fast", "--no-sync"]
        command += ["--dbname", f"{primary.url('postgres')}?application_name={NAME}"]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/")
        assert done.returncode == 0, done.stderr
        for path in [self.data, *self.data.rglob("*")]:
            who.own(path)
        self._initialized.touch()

    def promote(self) -> None:
        """Returns when it takes writes."""
        assert asyncio.run(_ask(self.url(), "SELECT pg_promote(true, $1)", PROMOTING_SECONDS))


@contextmanager
def pair(primary: EmbeddedPostgres) -> Iterator[Standby]:
    """The standby of a running primary, which waits with each commit until the standby has it on disk."""
    with servers.private_home() as home:
        password = urlsplit(primary.url()).password or ""
        standby = Standby(home, ports.free(1)[0], password)
        try:
            standby.copy(primary)
            standby.start()
            asyncio.run(_synchronous(primary))
            yield standby
        finally:
            standby.remove()


async def _synchronous(primary: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(primary.url())
    try:
        await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{NAME}'")
        await connection.execute("SELECT pg_reload_conf()")
        async with asyncio.timeout(PROMOTING_SECONDS):
            while await connection.fetchval("SELECT max(sync_state) FROM pg_stat_replication") != "sync":
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def _ask(url: str, sql: str, *arguments: object) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql, *arguments)
    finally:
        await connection.close()
