"""Packages of clients/js as their users get them: packed, installed into an empty folder, run by Node."""

import json
import os
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


def run_tests(folder: Path, package: str, variables: Mapping[str, str] | None = None) -> str:
    """What `node --test` says; an AssertionError with it if a test failed."""
    files = sorted(map(str, (folder / "tests" / package).glob("*.test.js")))
    assert files, f"{package} has no tests"
    return _run(["node", "--test", "--test-reporter=tap", *files], folder, variables)


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
    assert done.returncode == 0, f"{command[0]} {command[1]}: {done.stdout[-8000:]}"
    return done.stdout
