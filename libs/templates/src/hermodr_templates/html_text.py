"""The plain text of an HTML mail: what a reader of the mail sees, in the order of the source. See ADR 0034."""

from __future__ import annotations

import re
from typing import NamedTuple

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

from hermodr_templates.html_hints import NONE, Hints, hints
from hermodr_templates.html_lines import Lines
from hermodr_templates.html_links import target_of
from hermodr_templates.html_lists import Numbering
from hermodr_templates.html_marks import KINDS, STRUCK
from hermodr_templates.limits import FULL, Limits, TemplateLimitExceeded

_UNSEEN = frozenset(
    (
        "base", "datalist", "iframe", "link", "meta", "noembed", "noframes", "param", "script", "source", "style",
        "svg", "template", "title", "track",
    )
)  # fmt: skip
_LISTS = ("dir", "menu", "ol", "ul")
_BLOCKS = (
    "address", "article", "aside", "blockquote", "caption", "center", "dd", "details", "dialog", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "legend", "li", "main", "map", "nav",
    "optgroup", "option", "search", "section", "summary", "table", "tbody", "tfoot", "thead", "tr",
)  # fmt: skip
_PARAGRAPHS = ("h1", "h2", "h3", "h4", "h5", "h6", "listing", "p", "plaintext", "pre", "xmp", *_LISTS)
_VERBATIM = frozenset({"listing", "plaintext", "pre", "textarea", "xmp"})
_GAPS = dict.fromkeys(_BLOCKS, 1) | dict.fromkeys(_PARAGRAPHS, 2)
"""Line breaks at the edges of an element: 2 leave a blank line."""
_APART = frozenset({"button", "input", "object", "select", "td", "textarea", "th", "video"})
"""Inline, but not part of the word beside it."""
_BETWEEN = re.compile("[\\s/\"']+")
_BASE = re.compile("<base", re.IGNORECASE)
_BUTTONS = ("submit", "button", "reset")
_PLAIN = {
    tag: gap for tag, gap in _GAPS.items() if tag not in (*_LISTS, *_VERBATIM, "li", "dialog")
} | dict.fromkeys(
    (
        "abbr",
        "b",
        "bdi",
        "big",
        "code",
        "em",
        "font",
        "i",
        "ins",
        "small",
        "span",
        "strong",
        "u",
    ),
    0,
)
"""Tags that mean a gap or nothing."""
_SELF_CONTAINED = frozenset({"area", "br", "hr", "img", "input"})


def html_to_text(html: str, limits: Limits = FULL) -> str:
    """The text of `html`: paragraphs apart by a blank line, list items marked, link targets in angle brackets, images
    as their `alt`. Hidden elements are left out; broken HTML is read as browsers do. Raises `TemplateLimitExceeded`."""
    if (
        len(html) > limits.html
        or html.count("<") - html.count("</") > limits.elements
        or _attributes(html, limits.attributes * 4) > limits.attributes
    ):
        raise TemplateLimitExceeded("too long to derive the text from")
    document = LexborHTMLParser(html, options=LexborDocumentOptions.WO_EVENTS)
    body = document.body
    base = document.css_first("base[href]") if _BASE.search(html) else None
    reader = _Reader(limits.nodes, (base.attributes["href"] or "").strip() if base is not None else "")
    if body is not None:
        reader.read(body)
    return reader.lines.text()


def _attributes(html: str, long: int) -> int:
    """An upper bound on the attributes of one tag, counted in tags of more than `long` characters."""
    tags = html.split("<")
    if max(map(len, tags)) <= long:
        return 0
    return max(len(_BETWEEN.findall(tag.partition(">")[0])) for tag in tags)


class _Left(NamedTuple):
    """The state outside an element, restored when it ends."""

    link: str
    listed: bool
    quote: bool
    verbatim: str
    unseen: tuple[bool, bool, bool]
    mark: str
    place: tuple[int, int]


_Open = tuple[LexborNode, int, bool, _Left | None]
"""Element, gap at its edges, whether it stands apart, and the outer state if that has to be restored."""


class _Reader:
    def __init__(self, most: int, base: str) -> None:
        self.lines = Lines()
        self._most = most
        self._lists: list[Numbering] = []
        self._verbatim = ""
        self._unseen = (False, False, False)
        """Whether text is too small, invisible or without colour: inherited, and each can be undone further in."""
        self._base = base
        self._struck = False
        self._open: list[_Open] = []

    def read(self, body: LexborNode) -> None:
        """Most elements have no attributes and little meaning: they are handled here."""
        lines, opened = self.lines, self._open
        node: LexborNode | None = body
        for _ in range(self._most):
            if node is None:
                return
            tag = node.tag
            if tag == "-text":
                self._text(node.text_content)
            elif tag in _PLAIN and not node.attributes:
                gap = _PLAIN[tag]
                if gap:
                    lines.end(gap)
                child = node.first_child
                if child is not None:
                    opened.append((node, gap, False, None))
                    node = child
                    continue
            elif tag and tag[0] not in "-!" and self._enter(node, tag):
                child = node.first_child
                if child is not None:
                    node = child
                    continue
                self._leave()
            node = self._following(node)
        raise TemplateLimitExceeded("too many elements to derive the text from")

    def _following(self, node: LexborNode) -> LexborNode | None:
        following = node.next if self._open else None
        while following is None and self._open:
            left = self._leave()
            following = left.next if self._open else None
        return following

    def _text(self, text: str | None) -> None:
        if text and True not in self._unseen:
            if self._verbatim:
                self.lines.write_verbatim(text, self._verbatim)
            else:
                self.lines.write(text)

    def _enter(self, node: LexborNode, tag: str) -> bool:
        """Whether the element has content to read; if so, it has to be left again."""
        if tag in _UNSEEN:
            return False
        attributes = node.attributes
        hint = hints(attributes) if attributes else NONE
        if hint.hidden or (tag == "dialog" and "open" not in attributes):
            return False
        gap = _gap(tag, hint)
        apart = tag in _APART or hint.display == "apart" or (hint.display == "inline" and tag in _GAPS)
        if gap:
            self.lines.end(1 if tag in _LISTS and self._lists else gap)
        elif apart:
            self.lines.apart()
        link = attributes.get("href") or "" if tag in ("a", "area") and attributes else ""
        mark = KINDS.get(tag) or (STRUCK if hint.struck else "")
        if mark == STRUCK:
            mark = "" if self._struck else STRUCK
            self._struck = True
        left = _Left(link, tag in _LISTS, tag == "q", self._verbatim, self._unseen, mark, self.lines.place())
        self._open.append((node, gap, apart, left))
        if hint is not NONE or tag in _VERBATIM:
            self._unseen = hint.inherited(self._unseen)
            self._verbatim = (
                hint.space if hint.space is not None else "pre" if tag in _VERBATIM else self._verbatim
            )
        self._begin(node, tag, left, hint)
        return True

    def _begin(self, node: LexborNode, tag: str, left: _Left, hint: Hints) -> None:
        if left.listed:
            self._lists.append(Numbering(node, tag, node.attributes, hint))
        elif tag == "li" and hint.display in ("", "block"):
            self.lines.mark(self._marker(node.attributes, hint))
        elif left.link:
            self.lines.begin_link()
        elif left.quote:
            self.lines.write('"')
        if tag in _SELF_CONTAINED and not self._unseen[1]:  # an image has no font size
            self._write_element(tag, node.attributes)

    def _write_element(self, tag: str, attributes: dict[str, str | None]) -> None:
        if tag == "br":
            self.lines.newline()
        elif tag == "hr":
            self.lines.rule()
        else:
            self.lines.word(_words_of(tag, attributes))

    def _leave(self) -> LexborNode:
        node, gap, apart, left = self._open.pop()
        if left is not None:
            if left.quote:
                self.lines.write('"')
            if left.link:
                tiny, invisible, clear = self._unseen
                target = "" if invisible else target_of(left.link, self._base)
                self.lines.end_link(target, bare=not (tiny or clear))
            if left.mark:
                self.lines.mark_since(left.place, left.mark)
                self._struck = self._struck and left.mark != STRUCK
            if left.listed:
                self._lists.pop()
                gap = 1 if self._lists and gap else gap
            self._verbatim, self._unseen = left.verbatim, left.unseen
        if gap:
            self.lines.end(gap)
        elif apart:
            self.lines.apart()
        return node

    def _marker(self, attributes: dict[str, str | None], hint: Hints) -> str:
        depth = max(0, len(self._lists) - 1)
        return self._lists[-1].marker(attributes, hint, depth) if self._lists else "- "


def _gap(tag: str, hint: Hints) -> int:
    natural = _GAPS.get(tag, 0)
    if hint.display == "block":
        return natural or 1
    if hint.display:
        return 0
    return 1 if hint.flat and tag == "p" else natural


def _words_of(tag: str, attributes: dict[str, str | None]) -> str:
    if tag != "input":
        return attributes.get("alt") or ""
    kind = (attributes.get("type") or "").lower()
    if kind == "image":
        return attributes.get("alt") or ""
    return attributes.get("value") or "" if kind in _BUTTONS else ""
