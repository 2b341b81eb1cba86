"""Diagrams: where GitHub draws their source, the site shows pictures, made by `make diagrams`. A picture is named after
its source, so that one which is not of today's source is not found."""

import hashlib
import posixpath
import re
from pathlib import Path

from packages import ROOT

FOLDER = ROOT / "docs/images/diagrams"
_FENCE = re.compile(r"^```mermaid\n(?P<source>.*?)^```$", re.MULTILINE | re.DOTALL)


def sources() -> dict[Path, str]:
    """Of every diagram in docs/, by the place of its picture."""
    pages = (path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md")))
    return {picture(found): found for page in pages for found in _FENCE.findall(page)}


def picture(source: str) -> Path:
    return FOLDER / f"{hashlib.sha256(source.encode()).hexdigest()[:12]}.svg"


def shown(text: str, page: str) -> str:
    """The Markdown of the page at that place on the site, with pictures instead of sources; each opens large."""

    def image(match: re.Match[str]) -> str:
        path = picture(match["source"]).relative_to(ROOT / "docs").as_posix()
        link = posixpath.relpath(path, posixpath.dirname(page) or ".")
        return f"[![Diagram]({link})]({link})"

    return _FENCE.sub(image, text)
