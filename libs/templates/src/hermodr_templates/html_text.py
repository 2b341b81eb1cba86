"""A readable plain-text form of an HTML mail, for those who read text.

Not by `html.parser`: a stranger's HTML is read here in the sender's only thread, and `"<a " * 40_000` keeps that parser
busy for minutes. What follows reads every character once, whatever it is given: what is never closed lasts to the end.
"""

from __future__ import annotations

import re
from html import unescape

_IGNORED = frozenset({"head", "noscript", "script", "style", "template", "title"})
_BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "center", "dd", "div", "dl", "dt", "fieldset", "figure", "footer",
        "form", "header", "li", "main", "nav", "section", "table", "tbody", "thead", "tfoot", "tr",
    }
)  # fmt: skip
_PARAGRAPHS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "ul"})
_LINKS = ("http://", "https://", "mailto:", "tel:")
_DEEPEST_INDENT = 8
_SPACE = re.compile(r"[ \t\r\n\f]+")
# Possessive throughout, and every branch ends at the end of the text at the latest: no character is read twice.
_TOKEN = re.compile(
    r"""
    (?P<text> [^<]++ )
  | <!-- .*? (?: --> | \Z )
  | < (?: [!?] | / (?![a-zA-Z]) ) [^>]*+ >?
  | </ (?P<end> [a-zA-Z][^\s/>]*+ ) [^>]*+ >?
  | < (?P<start> [a-zA-Z][^\s/>]*+ )
      (?P<attributes> (?: [^>=]++ | = \s*+ (?: "[^"]*+"? | '[^']*+'? )?+ )*+ ) >?
  | (?P<bracket> < )
    """,
    re.VERBOSE | re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"""
    (?P<name> [^\s=/>]++ ) (?: \s*+ = \s*+ (?: "(?P<double>[^"]*+) | '(?P<single>[^']*+) | (?P<bare>[^\s>]*+) ) )?+
    """,
    re.VERBOSE,
)
_RAW_END = {tag: re.compile(rf"</{tag}(?=[\s/>])", re.IGNORECASE) for tag in ("script", "style")}


def html_to_text(html: str) -> str:
    """The text of `html`: paragraphs apart by a blank line, list items marked, link targets in angle brackets.

    Styles, scripts and tags vanish; images leave their `alt`. Never raises: broken HTML gives what a lenient
    parser makes of it.
    """
    reader = _Reader()
    reader.read(html)
    return reader.text()


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(text):
        value = match["double"] or match["single"] or match["bare"] or ""
        found.setdefault(match["name"].lower(), _unescaped(value))
    return found


def _unescaped(text: str) -> str:
    try:
        return unescape(text)
    except ValueError:  # a character of thousands of digits
        return text


class _Reader:
    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._line: list[str] = []
        self._lines = 0
        self._gap = 0
        self._lists: list[int | None] = []
        self._marker = ""
        self._link: tuple[str, int, int] | None = None
        self._ignored = 0
        self._verbatim = 0

    def text(self) -> str:
        self._break(0)
        text = "".join(self._pieces).strip("\n")
        return text + "\n" if text else ""

    def read(self, html: str) -> None:
        position = 0
        while (token := _TOKEN.match(html, position)) is not None:
            position = token.end()
            if token["start"] is not None:
                tag = token["start"].lower()
                self._start(tag, token["attributes"])
                if tag in _RAW_END:
                    end = _RAW_END[tag].search(html, position)
                    position = end.start() if end else len(html)
            elif token["end"] is not None:
                self._end(token["end"].lower())
            elif text := token["text"] or token["bracket"]:
                self._text(_unescaped(text))

    def _start(self, tag: str, attributes: str) -> None:
        if tag in _IGNORED:
            self._ignored += 1
        elif tag == "br":
            self._newline()
        elif tag == "hr":
            self._break(2)
            self._line.append("-" * 20)
            self._break(2)
        elif tag == "img":
            self._write(_attributes(attributes).get("alt", ""))
        elif tag == "a":
            self._close_link()
            self._link = (_attributes(attributes).get("href", ""), self._lines, len(self._line))
        elif tag in _PARAGRAPHS or tag in _BLOCKS:
            self._open_block(tag)
        elif tag in ("td", "th"):
            self._write(" ")

    def _end(self, tag: str) -> None:
        if tag in _IGNORED:
            self._ignored = max(0, self._ignored - 1)
        elif tag == "a":
            self._close_link()
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

    def _text(self, text: str) -> None:
        if self._ignored:
            return
        if self._verbatim:
            first, *rest = text.split("\n")
            self._line.append(first)
            for line in rest:
                self._flush(keep_blank=True)
                self._gap = 1
                self._line.append(line)
        else:
            self._write(text)

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
        indent = "  " * min(max(0, len(self._lists) - 1), _DEEPEST_INDENT)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _close_link(self) -> None:
        if self._link is None:
            return
        href, line, start = self._link
        self._link = None
        if line != self._lines:
            start = 0  # it began on a line above
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
        self._lines += 1
        if line or keep_blank:
            if self._pieces:
                self._pieces.append("\n" * self._gap)
            self._pieces.append(self._marker + line)
            self._marker = ""
            self._gap = 0
