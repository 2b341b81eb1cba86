"""The packages of the workspace and their requirements. Standard library only."""

import hashlib
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
"""What an installation runs."""
DEVELOPMENT_LOCK = ROOT / "requirements-dev.lock"
"""What a clone needs besides."""
DEVELOPMENT = ROOT / "requirements.in"
OWN = "hermodr-"
FOR_CLONES = ("devkit", "sandbox")
"""Packages that no installation runs."""


def folders() -> list[Path]:
    """The folders below libs/ and services/ with a pyproject.toml."""
    return sorted(
        path.parent for kind in ("libs", "services") for path in (ROOT / kind).glob("*/pyproject.toml")
    )


def running() -> list[str]:
    """The requirements from outside of what an installation runs, sorted: the input of the lock."""
    return _sorted(_declared(folder) for folder in folders() if folder.name not in FOR_CLONES)


def everything() -> list[str]:
    """With those of clones: checking, testing, pretended and embedded servers."""
    lines = (
        re.sub(r"(^|\s)#.*$", "", line).strip()
        for line in DEVELOPMENT.read_text(encoding="utf-8").splitlines()
    )
    return _sorted([*(_declared(folder) for folder in folders()), {line for line in lines if line}])


def _declared(folder: Path) -> set[str]:
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    declared = [*project.get("dependencies", []), *(item for extra in extras for item in extra)]
    return {requirement for requirement in declared if not requirement.startswith(OWN)}


def _sorted(sets: Iterable[set[str]]) -> list[str]:
    return sorted(set().union(*sets), key=str.lower)


def fingerprint(wanted: list[str]) -> str:
    """Changes whenever the lock of these requirements has to be made anew."""
    return hashlib.sha256("\n".join(wanted).encode()).hexdigest()
