"""Packages of clients/js as their users get them: packed, installed into an empty folder, run by Node."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hermodr_devkit.backing.distribution import NODE, NPM, ensure

PACKAGES = Path(__file__).parents[2] / "clients" / "js" / "packages"


def installed(folder: Path, *names: str) -> Path:
    """A folder with these packages of ours in its node_modules, and their tests beside. Nothing is fetched: they depend
    on nothing but each other."""
    ensure(NODE, print)
    ensure(NPM, print)
    folder.mkdir(parents=True, exist_ok=True)
    archives = [_packed(PACKAGES / name, folder) for name in names]
    (folder / "package.json").write_text(json.dumps({"private": True, "type": "module"}), encoding="utf-8")
    _run(["npm", "install", "--offline", "--no-audit", "--no-fund", *archives], folder)
    for name in names:
        shutil.copytree(PACKAGES / name / "tests", folder / "tests" / name)
    return folder


def _packed(package: Path, folder: Path) -> str:
    archive = _run(["npm", "pack", "--silent", "--pack-destination", str(folder), str(package)], folder)
    return f"./{archive.strip().splitlines()[-1]}"


def run_tests(folder: Path, tests: str, **variables: str) -> None:
    """`tests` is a folder of tests, such as `client`. Raises an AssertionError with what `node --test` says."""
    files = sorted(map(str, (folder / "tests" / tests).glob("*.test.js")))
    assert files, f"{tests} has no tests"
    said = _run(["node", "--test", "--test-reporter=tap", *files], folder, variables)
    assert "# skipped 0" in said, said[-8000:]


def _run(command: list[str], folder: Path, variables: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | dict(variables or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{command[0]} {command[1]}: {_flaws(done.stdout)}"
    return done.stdout


def _flaws(said: str) -> str:
    """Of TAP, the tests that failed; else its end."""
    return "\n".join(re.findall(r"^not ok .*?^  \.\.\.", said, re.MULTILINE | re.DOTALL)) or said[-8000:]
