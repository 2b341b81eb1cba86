"""The example pages for frameworks, with what they are made with: pinned, fetched once, and then from this machine."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.embedding import EXAMPLES
from tests.support.javascript import PACKAGES
from tests.support.pages import installed

FOLDER = Path(__file__).parent / "js" / "frameworks"
_INSTALLED = FOLDER / "node_modules"
FRAMEWORKS = ("react", "vue")


def site(name: str, folder: Path) -> Path:
    """A folder with the example's files and what it imports. React's, whose JSX no browser reads, is bundled as its
    own build would do."""
    installed(FOLDER)
    place = folder / name
    shutil.copytree(EXAMPLES / name, place, ignore=shutil.ignore_patterns("node_modules"))
    ours = place / "node_modules" / "@hermodr"
    ours.mkdir(parents=True)
    (ours / "inbox").symlink_to(PACKAGES / "inbox")
    for each in _INSTALLED.iterdir():
        if not each.name.startswith("."):
            (place / "node_modules" / each.name).symlink_to(each)
    if name == "react":
        _bundle(place / "src" / "main.jsx")
    return place


def _bundle(script: Path) -> None:
    bundled = script.with_suffix(".bundled")
    options = ["--bundle", "--format=esm", "--jsx=automatic", '--define:process.env.NODE_ENV="production"']
    command = [str(_INSTALLED / ".bin" / "esbuild"), str(script), *options, f"--outfile={bundled}"]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    bundled.replace(script)
