"""What people read on the page, by language: a file each. A file more is a language more."""

import tomllib
from pathlib import Path
from typing import Any

Words = dict[str, Any]
"""Texts by section and name; `{}` stands for what the page puts in."""

_FOLDER = Path(__file__).parent
_FIRST = "en"
WORDS: dict[str, Words] = {
    path.stem: tomllib.loads(path.read_text("utf-8"))
    for path in sorted(_FOLDER.glob("*.toml"), key=lambda it: (it.stem != _FIRST, it.stem))
}
LANGUAGES = tuple(WORDS)
"""The first one is used where none fits."""
