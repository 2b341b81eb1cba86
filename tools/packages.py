"""The packages of the workspace and their requirements. Standard library only."""

import hashlib
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
DEVELOPMENT = ROOT / "requirements.in"
OWN = "hermodr-"


def folders() -> list[Path]:
    """The folders below libs/ and services/ with a pyproject.toml."""
    return sorted(
        path.parent for kind in ("libs", "services") for path in (ROOT / kind).glob("*/pyproject.toml")
    )


def requirements() -> list[str]:
    """All requirements from outside, sorted: the input of the lock."""
    wanted = set()
    for folder in folders():
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        extras = project.get("optional-dependencies", {}).values()
        for requirement in [*project.get("dependencies", []), *(item for extra in extras for item in extra)]:
            if not requirement.startswith(OWN):
                wanted.add(requirement)
    for line in DEVELOPMENT.read_text(encoding="utf-8").splitlines():
        requirement = re.sub(r"(^|\s)#.*$", "", line).strip()
        if requirement:
            wanted.add(requirement)
    return sorted(wanted, key=str.lower)


def fingerprint() -> str:
    """Changes whenever the lock has to be made anew."""
    return hashlib.sha256("\n".join(requirements()).encode()).hexdigest()
