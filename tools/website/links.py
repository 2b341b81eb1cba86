"""Links between pages, whose places in the repository and on the site differ."""

import posixpath
import re
from collections.abc import Iterable

PLACED = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
"""Pages that are not in docs/: their place in the repository, and on the site."""

_PARTS = re.compile(
    r"^(?:```|~~~).*?^(?:```|~~~)\s*?$|`[^`\n]+`(?!\])|(\[[^\]\n]*\]\([^)\s]+\))", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"\[(?P<text>[^\]\n]*)\]\((?P<target>[^)\s]+)\)")
_MARK = re.compile(r"^(```\w+) (?:norun|fails|run)\b.*$", re.MULTILINE)
_ITEM = re.compile(r"^(?P<indent> *)(?:[-*]|\d+\.) ")


def rewritten(text: str, file: str, page: str, pages: Iterable[str]) -> str:
    """The Markdown of `file` (its path in the repository), to be shown as `page`: links between pages lead to their
    places on the site; of links to other files of the repository only the text is left."""
    known = set(pages)

    def lead(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        link = _LINK.fullmatch(match[1])
        assert link is not None
        path, mark, anchor = link["target"].partition("#")
        if not path or re.match(r"\w+:", path):
            return match[0]
        target = _on_site(posixpath.normpath(posixpath.join(posixpath.dirname(file), path)))
        if target not in known:
            return link["text"]
        return f"[{link['text']}]({posixpath.relpath(target, posixpath.dirname(page) or '.')}{mark}{anchor})"

    return _PARTS.sub(lead, text)


def _on_site(path: str) -> str:
    """Where a path of the repository is on the site, as far as it is there."""
    if path in PLACED:
        return PLACED[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else f"../{path}"


def separated(text: str) -> str:
    """With an empty line before each list, which Python-Markdown needs and GitHub does not."""
    lines: list[str] = []
    fenced = False
    for line in text.splitlines():
        before = lines[-1] if lines else ""
        item = _ITEM.match(line)
        if item and not fenced and before.strip() and not _ITEM.match(before) and not before.startswith(" "):
            lines.append("")
        lines.append(line)
        fenced ^= line.lstrip().startswith("```")
    return "\n".join(lines) + "\n"


def unmarked(text: str) -> str:
    """Without what tests are told of blocks (`sh norun: takes an hour`), which is not Markdown's."""
    return _MARK.sub(r"\1", text)
