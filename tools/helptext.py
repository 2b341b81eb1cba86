"""Print a Makefile's targets with their `## what it does | variables`. Standard library only."""

import os
import re
import sys
from pathlib import Path

TARGET = re.compile(r"^(?P<name>[a-z-]+):[^#\n]*## (?P<text>[^|\n]+)(?:\|(?P<variables>.*))?$", re.MULTILINE)


def paint(code: str, text: str) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{code}m{text}\033[0m"


def main(makefiles: list[str]) -> None:
    print(paint("1", "Hermodr") + ": notifications and background jobs that are never lost\n")
    for makefile in makefiles:
        for target in TARGET.finditer(Path(makefile).read_text(encoding="utf-8")):
            name = f"make {target['name']}"
            print(f"  {paint('36', name.ljust(14))} {target['text'].strip()}")
            if target["variables"]:
                print(f"  {'':14} {paint('2', target['variables'].strip())}")
    print(
        "\n"
        + paint("2", "The first command on a machine installs what is missing; later ones start at once.")
    )


if __name__ == "__main__":
    main(sys.argv[1:])
