"""Wall clocks that show another time, by Debian's libfaketime. It also works on what takes the time in C or Rust
(identifiers, TLS, PostgreSQL). The monotonic clock is not changed."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.packages import install

PACKAGE = "libfaketime"
LIBRARIES = Path("/usr/lib")
WITHOUT_IT = f"needs {PACKAGE} (apt-get install {PACKAGE})"


def library() -> Path | None:
    """None where it is not installed."""
    return next(iter(sorted(LIBRARIES.glob("*/faketime/libfaketime.so.1"))), None)


def installed(say: Callable[[str], None]) -> Path | None:
    """The library, installed if need be; None where that is impossible."""
    if library() is None:
        install([PACKAGE], say)
    return library()


def loading(loaded: Path) -> dict[str, str]:
    """The environment that loads it."""
    return {
        "LD_PRELOAD": str(loaded),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(Path(__file__).with_name("under_faketime")),
        "NO_FAKE_STAT": "1",  # the times of files are the machine's; Python would compile every module anew
    }


def shifted(loaded: Path, seconds: float) -> dict[str, str]:
    """The environment of a program whose clock is so far ahead, or behind."""
    return loading(loaded) | {"FAKETIME": f"{seconds:+.3f}"}


def ours() -> Mapping[str, str]:
    """This process's own part of that, for servers that should show the same time."""
    names = ("FAKETIME", *loading(Path()))
    return (
        {name: os.environ[name] for name in names if name in os.environ} if "FAKETIME" in os.environ else {}
    )
