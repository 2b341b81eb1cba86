"""Make requirements.lock, or check it.

    lock.py upgrade [PACKAGE]   resolve to the newest releases (of that package alone)
    lock.py check               fail when the lock is not what the declared requirements resolve to

The lock holds versions and hashes for every platform, and no download address. `check` keeps to its versions, so that
a new release breaks nobody's build.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from packages import LOCK, ROOT, fingerprint, requirements

UV = Path(sys.executable).parent / "uv"
HEADER = "# Made by `make lock`; do not edit. Declared requirements: sha256:"
PIN = re.compile(r"^(?P<pin>[a-z0-9][^\s\\]*==[^\\\n]*?)\s*\\?$", re.MULTILINE)
NO_INDEX = ("failed to fetch", "error sending request", "dns error", "connection refused", "timed out")


class Unreachable(Exception): ...


def compile_lock(lock: Path, upgrade: list[str]) -> None:
    """Resolves into `lock`, keeping its versions except for those to upgrade. Raises Unreachable without an index,
    and SystemExit with the resolver's message without a solution."""
    command = [str(UV), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
    command += [
        "--generate-hashes",
        "--no-emit-index-url",
        "--no-header",
        "--no-annotate",
        "--output-file",
        str(lock),
    ]
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.in"
        wanted.write_text("\n".join(requirements()) + "\n", encoding="utf-8")
        done = subprocess.run([*command, *upgrade, str(wanted)], cwd=folder, capture_output=True, text=True)
    if done.returncode == 0:
        return
    if any(sign in done.stderr.lower() for sign in NO_INDEX):
        raise Unreachable(done.stderr.strip())
    raise SystemExit(done.stderr)


def upgrade(package: str | None) -> None:
    before = set(pins(LOCK.read_text(encoding="utf-8"))) if LOCK.exists() else set()
    try:
        compile_lock(LOCK, ["--upgrade-package", package] if package else ["--upgrade"])
    except Unreachable as error:
        raise SystemExit(f"make lock needs a package index, and none answered:\n{error}") from error
    text = LOCK.read_text(encoding="utf-8")
    LOCK.write_text(f"{HEADER}{fingerprint()}\n{text}", encoding="utf-8")
    refuse_addresses(text)
    for line in sorted(set(pins(text)) ^ before):
        print(("+ " if line in pins(text) else "- ") + line)


def check() -> None:
    text = LOCK.read_text(encoding="utf-8")
    refuse_addresses(text)
    if not text.startswith(HEADER + fingerprint() + "\n"):
        raise SystemExit(
            "requirements.lock is older than a pyproject.toml or requirements.in: run `make lock`"
        )
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "requirements.lock"
        again.write_text(text, encoding="utf-8")
        try:
            compile_lock(again, [])
        except Unreachable:
            print("no package index answers: compared the declared requirements only")
            return
        changed = sorted(set(pins(text)) ^ set(pins(again.read_text(encoding="utf-8"))))
    if changed:
        raise SystemExit("requirements.lock is stale, run `make lock`:\n  " + "\n  ".join(changed))


def pins(text: str) -> list[str]:
    """The `name==version ; marker` lines of a lock, without hashes."""
    return [match["pin"] for match in PIN.finditer(text)]


def refuse_addresses(text: str) -> None:
    if "://" in text:
        raise SystemExit(f"{LOCK.relative_to(ROOT)} holds a download address; it must hold none")


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
