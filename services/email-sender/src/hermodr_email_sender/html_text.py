"""A readable plain-text form of an HTML mail, for those who read text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_IGNORED = frozenset({"head", "noscript", "script", "style", "template", "title"})
_BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "center", "dd", "div", "dl", "dt", "fieldset", "figure", "footer",
        "form", "header", "li", "main", "nav", "section", "table", "tbody", "thead", "tfoot", "tr",
    }
)  # fmt: skip
_PARAGRAPHS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "ul"})
_LINKS = ("http://", "https://", "mailto:", "tel:")
_SPACE = re.compile(r"[ \t\r\n\f]+")


def html_to_text(html: str) -> str:
    """The text of `html`: paragraphs apart by a blank line, list items marked, link targets in angle brackets.

    Styles, scripts and tags vanish; images leave their `alt`. Never raises: broken HTML gives what a lenient
    parser makes of it.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._line: list[str] = []
        self._gap = 0
        self._lists: list[int | None] = []
        self._marker = ""
        self._links: list[tuple[str, int]] = []
        self._ignored = 0
        self._verbatim = 0

    def text(self) -> str:
        self._break(0)
        text = "".join(self._pieces).strip("\n")
        return text + "\n" if text else ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag in _IGNORED:
            self._ignored += 1
        elif tag == "br":
            self._newline()
        elif tag == "hr":
            self._break(2)
            self._line.append("-" * 20)
            self._break(2)
        elif tag == "img":
            self._write(attributes.get("alt") or "")
        elif tag == "a":
            self._links.append((attributes.get("href") or "", len(self._line)))
        elif tag in _PARAGRAPHS or tag in _BLOCKS:
            self._open_block(tag)
        elif tag in ("td", "th"):
            self._write(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _IGNORED:
            self._ignored = max(0, self._ignored - 1)
        elif tag == "a" and self._links:
            self._close_link(*self._links.pop())
        elif tag in ("ul", "ol"):
            if self._lists:
                self._lists.pop()
            self._break(1 if self._lists else 2)
        elif tag in _PARAGRAPHS:
            self._break(2)
            if tag == "pre":
                self._verbatim = max(0, self._verbatim - 1)
        elif tag in _BLOCKS:
            self._break(1)

    def handle_data(self, data: str) -> None:
        if self._ignored:
            return
        if self._verbatim:
            first, *rest = data.split("\n")
            self._line.append(first)
            for line in rest:
                self._flush(keep_blank=True)
                self._gap = 1
                self._line.append(line)
        else:
            self._write(data)

    def _open_block(self, tag: str) -> None:
        nested = tag in ("ul", "ol") and bool(self._lists)
        self._break(2 if tag in _PARAGRAPHS and not nested else 1)
        if tag in ("ul", "ol"):
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            self._marker = self._next_marker()
        elif tag == "pre":
            self._verbatim += 1

    def _next_marker(self) -> str:
        indent = "  " * max(0, len(self._lists) - 1)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _close_link(self, href: str, start: int) -> None:
        target = href.strip()
        if self._ignored or not target.lower().startswith(_LINKS):
            return
        label = "".join(self._line[start:]).strip()
        shown = target.removeprefix("mailto:").removeprefix("tel:")
        if label not in (target, shown):
            self._write(f" <{shown}>" if label else shown)

    def _write(self, text: str) -> None:
        if self._ignored:
            return
        text = _SPACE.sub(" ", text)
        if not self._line or self._line[-1].endswith(" "):
            text = text.lstrip(" ")
        if text:
            self._line.append(text)

    def _newline(self) -> None:
        """What `<br>` does: ends the line, or leaves an empty one; never more than one."""
        self._flush()
        self._gap = min(2, self._gap + 1)

    def _break(self, newlines: int) -> None:
        """What the edge of a block does: at least so many line breaks, 2 for a blank line between."""
        self._flush()
        self._gap = max(self._gap, newlines)

    def _flush(self, *, keep_blank: bool = False) -> None:
        line = "".join(self._line)
        line = line.rstrip() if self._verbatim else line.strip()
        self._line.clear()
        self._links = [(href, 0) for href, _ in self._links]
        if line or keep_blank:
            if self._pieces:
                self._pieces.append("\n" * self._gap)
            self._pieces.append(self._marker + line)
            self._marker = ""
            self._gap = 0
