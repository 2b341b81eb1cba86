"""Environments for the peers below `.hermodr/bench`, installed in pinned versions at first use."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from hermodr_cli.output import Say
from tests.benchmarks.servers import folder
from tests.support.packages import install

PEERS = Path(__file__).parent / "peers"
MARK = "installed.json"


class NotInstalled(Exception):
    """The text says why."""


def system(program: str, packages: tuple[str, ...], say: Say) -> str:
    """A program of the distribution; as root it is installed if missing. Raises NotInstalled."""
    if (found := shutil.which(program)) is not None:
        return found
    if not install(packages, say):
        raise NotInstalled(
            f"needs {program}, which only root can install: apt-get install {' '.join(packages)}"
        )
    if (found := shutil.which(program)) is None:
        raise NotInstalled(f"{program} could not be installed")
    return found


def python(name: str, requirements: tuple[str, ...], say: Say) -> Path:
    """The interpreter of a virtual environment with exactly these packages. Raises NotInstalled."""
    home = folder() / name
    program = home / "bin" / "python"
    mark = [sys.version, sys.base_prefix, *requirements]
    if not _has(home, mark):
        say(f"installing {', '.join(requirements)} …")
        shutil.rmtree(home, ignore_errors=True)
        uv = [str(Path(sys.executable).parent / "uv")]
        _run([*uv, "venv", "--quiet", "--python", sys.executable, str(home)], home.parent)
        _run([*uv, "pip", "install", "--quiet", "--python", str(program), *requirements], home.parent)
        (home / MARK).write_text(json.dumps(mark), encoding="utf-8")
    return program


def node(name: str, requirements: tuple[str, ...], scripts: tuple[str, ...], say: Say) -> Path:
    """A folder with these npm packages and our scripts. Raises NotInstalled."""
    for program in ("node", "npm"):
        system(program, ("nodejs", "npm"), say)
    home = folder() / name
    mark = list(requirements)
    if not _has(home, mark):
        say(f"installing {', '.join(requirements)} …")
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        (home / "package.json").write_text('{"private": true}', encoding="utf-8")
        _run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", *requirements], home)
        (home / MARK).write_text(json.dumps(mark), encoding="utf-8")
    for script in scripts:
        shutil.copy(PEERS / script, home / script)
    return home


def _has(home: Path, wanted: list[str]) -> bool:
    mark = home / MARK
    return mark.exists() and json.loads(mark.read_text(encoding="utf-8")) == wanted


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise NotInstalled((done.stderr or done.stdout).strip()[-500:])
