"""Make requirements.lock and requirements-dev.lock, or check them.

    lock.py upgrade [PACKAGE]   resolve to the newest releases (of that package alone)
    lock.py check               fail when a lock is not what the declared requirements resolve to

The first holds what an installation runs, the second what a clone needs besides: versions and hashes for every
platform, and no download address. `check` keeps to their versions, so that a new release breaks nobody's build.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from packages import DEVELOPMENT_LOCK, LOCK, ROOT, everything, fingerprint, running

UV = Path(sys.executable).parent / "uv"
HEADER = "# Made by `make lock`; do not edit. Declared requirements: sha256:"
PIN = re.compile(r"^(?P<pin>[a-z0-9][^\s\\]*==[^\\\n]*?)\s*\\?$", re.MULTILINE)
BLOCK = re.compile(r"^[a-z0-9].*\n(?:    .*\n)*", re.MULTILINE)
NO_INDEX = ("failed to fetch", "error sending request", "dns error", "connection refused", "timed out")


class Unreachable(Exception): ...


def resolved(wanted: list[str], known: str, upgrade: list[str], held: str = "") -> str:
    """The pins of `wanted`, keeping the versions of `known` except for those to upgrade, and those of `held` in any
    case. Raises Unreachable without an index, and SystemExit with the resolver's message without a solution."""
    with tempfile.TemporaryDirectory() as folder:
        lock, wish, constraints = (Path(folder) / name for name in ("lock", "wanted.in", "held"))
        lock.write_text(known, encoding="utf-8")
        wish.write_text("\n".join(wanted) + "\n", encoding="utf-8")
        constraints.write_text("\n".join(pins(held)) + "\n", encoding="utf-8")
        command = [str(UV), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate"]
        command += ["--constraints", str(constraints), "--output-file", str(lock), *upgrade, str(wish)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode == 0:
            return lock.read_text(encoding="utf-8")
    if any(sign in done.stderr.lower() for sign in NO_INDEX):
        raise Unreachable(done.stderr.strip())
    raise SystemExit(done.stderr)


def both(upgrade: list[str]) -> tuple[str, str]:
    """What the two locks ought to hold, without their headers."""
    runs, rest = _text(LOCK), _text(DEVELOPMENT_LOCK)
    runs_now = resolved(running(), runs, upgrade)
    all_now = resolved(everything(), runs_now + rest, upgrade, held=runs_now)
    there = set(pins(runs_now))
    more = "".join(block for block in BLOCK.findall(all_now) if not there.issuperset(pins(block)))
    return runs_now, more


def upgrade(package: str | None) -> None:
    before = {*pins(_text(LOCK)), *pins(_text(DEVELOPMENT_LOCK))}
    try:
        runs, rest = both(["--upgrade-package", package] if package else ["--upgrade"])
    except Unreachable as error:
        raise SystemExit(f"make lock needs a package index, and none answered:\n{error}") from error
    for lock, text, wanted in ((LOCK, runs, running()), (DEVELOPMENT_LOCK, rest, everything())):
        refuse_addresses(lock, text)
        lock.write_text(f"{HEADER}{fingerprint(wanted)}\n{text}", encoding="utf-8")
    after = {*pins(runs), *pins(rest)}
    for line in sorted(after ^ before):
        print(("+ " if line in after else "- ") + line)


def check() -> None:
    for lock, wanted in ((LOCK, running()), (DEVELOPMENT_LOCK, everything())):
        text = lock.read_text(encoding="utf-8")
        refuse_addresses(lock, text)
        if not text.startswith(HEADER + fingerprint(wanted) + "\n"):
            raise SystemExit(
                f"{lock.name} is older than a pyproject.toml or requirements.in: run `make lock`"
            )
    try:
        again = both([])
    except Unreachable:
        print("no package index answers: compared the declared requirements only")
        return
    for lock, text in zip((LOCK, DEVELOPMENT_LOCK), again, strict=True):
        if changed := sorted(set(pins(_text(lock))) ^ set(pins(text))):
            raise SystemExit(f"{lock.name} is stale, run `make lock`:\n  " + "\n  ".join(changed))


def pins(text: str) -> list[str]:
    """The `name==version ; marker` lines of a lock, without hashes."""
    return [match["pin"] for match in PIN.finditer(text)]


def refuse_addresses(lock: Path, text: str) -> None:
    if "://" in text:
        raise SystemExit(f"{lock.relative_to(ROOT)} holds a download address; it must hold none")


def _text(lock: Path) -> str:
    return lock.read_text(encoding="utf-8") if lock.exists() else ""


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["upgrade"]:
            upgrade(None)
        case ["upgrade", package]:
            upgrade(package)
        case ["check"]:
            check()
        case _:
            raise SystemExit(__doc__)
