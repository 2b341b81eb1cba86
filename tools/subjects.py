"""Subjects of commits: up to 72 characters, no full stop; from `FIRST` on. Standard library only.

Merges and reverts have subjects by git. Without a repository (an unpacked archive) there is nothing to check.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 72


@dataclass(frozen=True)
class Start:
    """The last commit that is not checked, and its moment (seconds since 1970) for clones that do not have it."""

    commit: str
    moment: int


FIRST = Start("e36a96809d8a7bfe36d64c889678099f0fc1de27", 1795947995)


def complaints(root: Path, start: Start) -> list[str]:
    """A line for every wrong subject that HEAD of the repository at `root` has after `start`."""
    if _git(root, "rev-parse", "--show-toplevel").stdout.strip() != str(root.resolve()):
        return []  # no repository, or one that merely contains this folder
    if _git(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode != 0:
        return []  # nothing is committed yet
    known = _git(root, "merge-base", "--is-ancestor", start.commit, "HEAD").returncode == 0
    span = f"{start.commit}..HEAD" if known else "HEAD"
    log = _git(root, "rev-list", "--no-merges", "--format=%h%x09%ct%x09%s", span)
    if log.returncode != 0:
        return [log.stderr.strip()]
    commits = [line.split("\t", 2) for line in log.stdout.splitlines() if not line.startswith("commit ")]
    return [
        f"{commit} {flaw}: {subject}"
        for commit, moment, subject in commits
        if (known or int(moment) > start.moment) and (flaw := _flaw(subject))
    ]


def _flaw(subject: str) -> str | None:
    if subject.startswith('Revert "'):
        return None
    if len(subject) > LONGEST:
        return f"has {len(subject)} characters, {LONGEST} at most"
    return "ends with a full stop" if subject.endswith(".") else None


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # a container may run as somebody else than the clone's owner
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "-c",
        "i18n.logOutputEncoding=UTF-8",
        "-C",
        str(root),
        *arguments,
    ]
    try:
        return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", "git is not installed")


def main() -> int:
    found = complaints(ROOT, FIRST)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
