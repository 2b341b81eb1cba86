"""Which user PostgreSQL runs as.

PostgreSQL refuses to run as root, so root's server runs as `nobody`, who cannot read below /root or in a private
temporary folder.
"""

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from hermodr_devkit.backing.model import Unavailable

PUBLIC_FOLDER = Path("/var/tmp")


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int

    @property
    def ours(self) -> bool:
        return self.uid == os.geteuid()

    def reaches(self, path: Path) -> bool:
        """Whether it may enter every folder on the way to `path`."""
        return all(self._may_pass(place) for place in [path, *path.parents])

    def _may_pass(self, place: Path) -> bool:
        found = place.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)

    def own(self, path: Path) -> None:
        """Gives it a file or folder, readable by nobody else."""
        if not self.ours:
            os.chown(path, self.uid, self.gid)
        path.chmod(0o700 if path.is_dir() else 0o600)


def for_postgres() -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def home_for(account: Account, preferred: Path, name: str) -> Path:
    """`preferred` when the account can reach it, else a folder `name` in a public place."""
    preferred.parent.mkdir(parents=True, exist_ok=True)
    home = preferred if account.ours or account.reaches(preferred.parent) else PUBLIC_FOLDER / name
    home.mkdir(mode=0o711, exist_ok=True)
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Unavailable(f"{home} exists and is not ours")
    home.chmod(0o711)
    return home


def reachable_copy(account: Account, folder: Path, home: Path) -> Path:
    """`folder` of a wheel's package if the account can run what is in it, else a copy below `home`, with the shared
    libraries beside the package (`name.libs`), which are found by relative path."""
    package = folder.parent
    libraries = package.with_name(package.name + ".libs")
    if account.ours or (account.reaches(folder / "bin") and _world_readable(folder / "share")):
        return folder
    copy = home / "programs"
    if not (copy / "complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        _copy_readable(folder, copy / package.name / folder.name)
        if libraries.is_dir():
            _copy_readable(libraries, copy / libraries.name)
        copy.chmod(0o755)
        (copy / package.name).chmod(0o755)
        (copy / "complete").touch()
    return copy / package.name / folder.name


def _copy_readable(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))


def _world_readable(folder: Path) -> bool:
    return all(path.stat().st_mode & stat.S_IROTH for path in folder.iterdir())
