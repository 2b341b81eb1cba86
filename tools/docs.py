"""Build the site of the documentation into site/, or show it while it is written.

docs.py         build it; a link that leads nowhere, or a page that is not in the navigation, fails
docs.py serve   at http://127.0.0.1:8024, built again when a page changes
"""

import logging
import os
import sys

from mkdocs.commands.build import build
from mkdocs.commands.serve import serve
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from packages import ROOT

CONFIGURATION = str(ROOT / "mkdocs.yml")


def main(arguments: list[str]) -> int:
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "true")  # an announcement of the theme's authors
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    match arguments:
        case ["serve"]:
            serve(CONFIGURATION, dev_addr="127.0.0.1:8024")
            return 0
        case []:
            config = load_config(CONFIGURATION)
            config.plugins.on_startup(command="build", dirty=False)
            try:
                build(config)
            except Abort as error:
                print(error)
                return 1
            print(f"wrote {config.site_dir}/index.html")
            return 0
    raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
