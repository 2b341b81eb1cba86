import os
import shutil
import subprocess
from collections.abc import Callable, Sequence


def install(packages: Sequence[str], say: Callable[[str], None]) -> bool:
    """Whether it was tried: needs root and apt-get. The caller looks for what it needs."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    say(f"installing {' '.join(packages)} …")
    # a package with a server would start it on its default port: forbidden while it installs
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (
        ["apt-get", "update"],
        ["apt-get", "install", "-y", "--no-install-recommends", *packages],
    ):
        subprocess.run(command, env=environment, capture_output=True)
    return True
