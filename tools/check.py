"""`make check`: every check side by side, one line each, details only of those that fail.

check.py [NAME …]   only these, for instance `make check ARGS="mypy house"`
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from packages import ROOT, folders

BIN = Path(sys.executable).parent
PYTHON = sys.executable


@dataclass(frozen=True)
class Check:
    name: str
    command: list[str]
    folder: Path = ROOT


@dataclass(frozen=True)
class Outcome:
    passed: bool
    seconds: float
    output: str


CHECKS = [
    Check("ruff", [str(BIN / "ruff"), "check", "--quiet"]),
    Check("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "--diff"]),
    Check("house", [PYTHON, "tools/house.py"]),
    Check("migrations", [PYTHON, "tools/migrations.py"]),
    Check("subjects", [PYTHON, "tools/subjects.py"]),
    Check("imports", [str(BIN / "lint-imports"), "--no-cache"]),
    Check("dependencies", [PYTHON, "tools/dependencies.py"]),
    Check("lock", [PYTHON, "tools/lock.py", "check"]),
    Check("widget", [PYTHON, "tools/widget.py", "--check"]),
    Check("kubernetes", [PYTHON, "tools/kubernetes.py", "--check"]),
    Check("javascript", [PYTHON, "tools/javascript.py", "--check"]),
    Check("mypy", [str(BIN / "mypy"), "--no-error-summary"]),
]


def run(check: Check) -> Outcome:
    started = time.monotonic()
    done = subprocess.run(
        check.command, cwd=check.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return Outcome(done.returncode == 0, time.monotonic() - started, done.stdout.strip())


def main(names: list[str]) -> int:
    unknown = set(names) - {check.name for check in CHECKS}
    if unknown:
        raise SystemExit(f"no such check: {', '.join(sorted(unknown))} ({', '.join(c.name for c in CHECKS)})")
    chosen = [check for check in CHECKS if not names or check.name in names]
    started = time.monotonic()
    outcomes = []
    # mypy takes the longest, so it starts first; everything is printed in the order above
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        running = {check.name: pool.submit(run, check) for check in reversed(chosen)}
        for check in chosen:
            outcome = running[check.name].result()
            outcomes.append(outcome)
            report(check, outcome)
    failed = sum(not outcome.passed for outcome in outcomes)
    verdict = f"{failed} of {len(outcomes)} checks failed" if failed else f"{len(outcomes)} checks passed"
    print(f"{verdict} over {len(folders())} packages in {time.monotonic() - started:.1f} s")
    return 1 if failed else 0


def report(check: Check, outcome: Outcome) -> None:
    mark = paint("32", "✓") if outcome.passed else paint("31", "✗")
    print(f"{mark} {check.name:<13} {outcome.seconds:5.1f} s", flush=True)
    if not outcome.passed:
        print("\n".join("    " + line for line in outcome.output.splitlines()), flush=True)


def paint(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
