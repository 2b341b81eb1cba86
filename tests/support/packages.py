import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress

from hermodr_devkit.backing import distribution
from hermodr_devkit.backing.model import Unavailable


def install(packages: Sequence[str], say: Callable[[str], None]) -> bool:
    """Whether it was tried: needs root and apt-get. The caller looks for what it needs."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    say(f"installing {' '.join(packages)} …")
    with suppress(Unavailable):  # the caller says what is missing
        distribution.install(packages)
    return True
