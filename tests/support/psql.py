import os
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit, urlunsplit

from hermodr_devkit.backing.postgres import find_installation

TIMEOUT = 60


class Refused(Exception):
    """What psql wrote when a statement failed."""


class Psql:
    """A role on one database. Each call is a session of its own."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, *statements: str) -> list[list[str]]:
        """Runs the statements in one session and returns their rows, unaligned. Raises `Refused` at the first that
        fails."""
        return self.run(";\n".join(statements) + ";\n")

    def run(self, script: str) -> list[list[str]]:
        program = find_installation() / "bin" / "psql"
        parts = urlsplit(self._url)
        login = f"{parts.username or ''}@" if parts.username else ""
        bare = urlunsplit(parts._replace(netloc=f"{login}{parts.hostname}:{parts.port or 5432}"))
        done = subprocess.run(
            [program, "-XqAt", "-F", "|", "-v", "ON_ERROR_STOP=1", bare],
            env=os.environ | {"PGPASSWORD": unquote(parts.password or "")},
            input=script,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        if done.returncode:
            raise Refused(done.stderr)
        return [line.split("|") for line in done.stdout.splitlines()]

    def one(self, *statements: str) -> str:
        """The only value the statements returned."""
        ((value,),) = self.ask(*statements)
        return value


@contextmanager
def role(database_url: str, memberships: Sequence[str]) -> Iterator[Psql]:
    """A fresh ordinary role that is a member of those roles only."""
    name, password = f"hermodr_test_{secrets.token_hex(6)}", secrets.token_hex(16)
    admin = Psql(database_url)
    admin.ask(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    try:
        for each in memberships:
            admin.ask(f"GRANT {each} TO {name}")
        parts = urlsplit(database_url)
        server = f"{parts.hostname}:{parts.port or 5432}"
        yield Psql(urlunsplit(parts._replace(netloc=f"{name}:{password}@{server}")))
    finally:
        admin.ask(f"DROP ROLE {name}")


def url_of(database_url: str, role: Psql) -> str:
    """The database with the login of `role`."""
    login = urlsplit(role._url).netloc.rpartition("@")[0]
    parts = urlsplit(database_url)
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))
