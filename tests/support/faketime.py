"""Wall clocks that do not show what the machine's does: Debian's libfaketime, loaded into programs from outside.

Nothing of ours knows about it, and what takes its time in C or Rust (identifiers, TLS, PostgreSQL) is fooled as well.
The monotonic clock goes on as it is: pauses and deadlines last what they last.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.packages import install

PACKAGE = "libfaketime"
LIBRARIES = Path("/usr/lib")
WITHOUT_IT = f"needs {PACKAGE} (apt-get install {PACKAGE})"


def library() -> Path | None:
    """What is loaded into programs; None where it is not installed."""
    return next(iter(sorted(LIBRARIES.glob("*/faketime/libfaketime.so.1"))), None)


def installed(say: Callable[[str], None]) -> Path | None:
    """The library, once it is installed; None where that cannot be done."""
    if library() is None:
        install([PACKAGE], say)
    return library()


def loading(loaded: Path) -> dict[str, str]:
    """What a program is started with to have it; what time it shows is for others to say."""
    return {
        "LD_PRELOAD": str(loaded),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(Path(__file__).with_name("under_faketime")),
        "NO_FAKE_STAT": "1",  # the times of files are the machine's; Python would compile every module anew
    }


def shifted(loaded: Path, seconds: float) -> dict[str, str]:
    """What a program is started with whose clock is so far ahead, or behind."""
    return loading(loaded) | {"FAKETIME": f"{seconds:+.3f}"}


def ours() -> Mapping[str, str]:
    """What this process was started with of that: for servers it starts that shall show the same time."""
    names = ("FAKETIME", *loading(Path()))
    return (
        {name: os.environ[name] for name in names if name in os.environ} if "FAKETIME" in os.environ else {}
    )
