"""Code of another release, to run beside today's: folders that Python finds before those installed here."""

import asyncio
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from hermodr_devkit.supervisor.fleet import NotReady
from hermodr_ledger.engine.schema_version import head
from tests.support.installation import Installation

ROOT = Path(__file__).resolve().parents[2]
LEDGER = Path("libs/ledger/src/hermodr_ledger")
VERSIONS = LEDGER / "migrations/versions"
NEXT = "9000"
"""The revision of `next_release`."""

_SCRIPT = """\
from hermodr_ledger.migrations.script import execute_file
revision, down_revision, branch_labels, depends_on = "{revision}", "{before}", None, None
def upgrade() -> None:
    execute_file("{revision}_next.sql")
"""
_SQL = """\
ALTER TABLE hermodr.jobs ADD COLUMN of_next text;
ALTER TABLE hermodr.deliveries ADD COLUMN of_next text NOT NULL DEFAULT 'new';
ALTER TABLE hermodr.attempts ADD COLUMN of_next int;
CREATE TABLE hermodr.of_next (id uuid PRIMARY KEY);
"""
_UPGRADE = "import sys; from hermodr_ledger.migrate import upgrade; upgrade(sys.argv[1])"


class NoHistory(AssertionError):
    """This clone does not have the commit."""


class Release:
    """Code below `sources`, folders as in PYTHONPATH; none: today's."""

    def __init__(self, *sources: Path) -> None:
        self.path = os.pathsep.join(map(str, sources))
        self.variables = {"PYTHONPATH": self.path} if sources else {}

    def run(self, *command: str, **variables: str) -> str:
        """Its Python, as the tables' owner; what it prints. Raises AssertionError."""
        done = subprocess.run(
            [sys.executable, *command],
            env={**os.environ, **variables, **self.variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def migrate(self, database_url: str) -> None:
        self.run("-c", _UPGRADE, database_url)

    def knows(self, revision: str) -> bool:
        code = "from hermodr_ledger.engine.schema_version import known_revisions; print(*known_revisions())"
        return revision in self.run("-c", code).split()

    async def serve(self, installation: Installation, name: str) -> None:
        """The service is stopped, and started with this code."""
        service = installation.fleet[name]
        kept = {key: value for key, value in service.variables.items() if key != "PYTHONPATH"}
        service.variables = kept | self.variables
        await installation.fleet.restart(name)

    async def refuses(self, installation: Installation, name: str) -> None:
        """The service does not start on the schema that is there, and says why."""
        with pytest.raises(NotReady, match=r"(?s)ended with status 2.*ahead of this code"):
            await self.serve(installation, name)


TODAY = Release()


def next_release(place: Path) -> Release:
    """Today's, and one migration more."""
    shutil.copytree(ROOT / LEDGER, place / LEDGER.name, ignore=shutil.ignore_patterns("__pycache__"))
    versions = place / LEDGER.name / "migrations/versions"
    (versions / f"{NEXT}_next.py").write_text(_SCRIPT.format(revision=NEXT, before=head()))
    (versions / f"{NEXT}_next.sql").write_text(_SQL)
    return Release(place)


def previous_release(place: Path) -> Release:
    """The code before the newest migration landed, from this repository. Raises `NoHistory`."""
    added = (
        _git("log", "-1", "--diff-filter=A", "--format=%H", "--", f"{VERSIONS}/{head()}_*.py")
        .decode()
        .strip()
    )
    if not added:
        raise NoHistory(
            f"no commit here adds migration {head()}: commit it first, in a clone with its history"
        )
    with tarfile.open(fileobj=io.BytesIO(_git("archive", f"{added}^", "libs", "services"))) as archive:
        archive.extractall(place, filter="data")
    return Release(*sorted(place.glob("*/*/src")))


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        raise NoHistory(f"git {arguments[0]}: {done.stderr.decode().strip()[:200]}")
    return done.stdout


async def in_turn(release: Release, installation: Installation, *names: str) -> None:
    for name in names:
        await release.serve(installation, name)


async def at_once(release: Release, installation: Installation, *names: str) -> None:
    await asyncio.gather(*(release.serve(installation, name) for name in names))


async def migrated_by(release: Release, installation: Installation) -> None:
    await asyncio.to_thread(release.migrate, installation.database_url)
