"""Turns CSS rules into `style` attributes, as many mail programs want them; `@media` and `:hover` stay rules. Nothing
is ever loaded: no linked stylesheet, no `@import`, no file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from css_inline import CSSInliner, InlineError

from hermodr_templates.flaws import SourceFlawed
from hermodr_templates.markup import VOID, Attribute, Piece, pieces
from hermodr_templates.protected import Protected

DEEPEST = 500
# the HTML parser adds these where they are missing
_IMPLIED = frozenset({"html", "head", "body", "tbody", "colgroup"})
_MADE = frozenset({"style", "data-css-inline"})
_IGNORE = ' data-css-inline="ignore"'
_EMPTY = re.compile(r"<style[^<>]*>\s*</style>")
_DOCTYPE = re.compile(r"<!doctype[^>]*>", re.IGNORECASE)
_IN_VALUE = re.compile(r":[^;{}]*\Z")
_UNBALANCED = (
    "this Jinja tag and the elements around it do not fit together once CSS is inlined: close every element in the"
    " branch that opens it, or set inline_css to false"
)


def has_rules(text: str) -> bool:
    return "<style" in text.lower() and any(
        each.kind == "raw" and each.name == "style" for each in pieces(text)
    )


def inlined(source: Protected, text: str, extra_css: str | None = None) -> str:
    """`text` with the rules of its `<style>`s, or those of `extra_css` alone, moved to the elements. Raises
    SourceFlawed if that would move a Jinja tag."""
    before = _prepared(source, text, alone=extra_css is not None)
    inliner = CSSInliner(
        load_remote_stylesheets=False,
        keep_link_tags=True,
        keep_style_tags=True,
        remove_inlined_selectors=extra_css is None,
        inline_style_tags=extra_css is None,
        extra_css=extra_css,
    )
    try:
        after = inliner.inline(before)
    except (InlineError, ValueError) as error:
        raise SourceFlawed(0, f"the CSS cannot be inlined: {error}") from None
    _compare(source, before, after)
    if doctype := _DOCTYPE.search(before):
        after = _DOCTYPE.sub(lambda _: doctype[0], after, count=1)
    return _EMPTY.sub("", after.replace(_IGNORE, ""))


def _prepared(source: Protected, text: str, *, alone: bool) -> str:
    """Turns words among elements, and declarations but for the doctype, into comments: the parser leaves comments where
    they are, even between the rows of a table."""
    made: list[str] = []
    depth = 0
    bodies = _TableBodies()
    for piece in pieces(text):
        part = text[piece.start : piece.end]
        bodies.see(piece, made)
        if piece.kind == "text":
            part = source.word.sub(lambda word: f"<!--{word[0]}-->", part)
        elif piece.kind == "start":
            depth += piece.name not in VOID
            if depth > DEEPEST:
                raise SourceFlawed(
                    source.offset(piece.start), f"elements are nested more than {DEEPEST} deep"
                )
            if source.word.search(piece.name):
                raise SourceFlawed(source.offset(piece.start), "an element's name cannot be a variable")
            part = _grouped(source, part, piece)
            content = text[piece.end : text.find("<", piece.end)] if piece.name == "style" else ""
            if not alone and content and not (_for_screens(piece) and _inlinable(source, content)):
                part = f"{part[:6]}{_IGNORE}{part[6:]}"
        elif piece.kind == "end":
            depth = max(0, depth - 1)
        elif piece.kind == "declaration" and part[1] in "!?" and not _DOCTYPE.match(part):
            # Outlook's `<![if !mso]>`, which the parser would turn into another comment
            part = f"<!--{source.aside(part, piece.start)}-->"
        made.append(part)
    return "".join(made)


class _TableBodies:
    """Writes the `<tbody>` that the parser would add, which would begin it inside a loop that makes the rows."""

    def __init__(self) -> None:
        self._open: list[int | None] = []
        """For each open table, where its `<tbody>` goes; `None` if it needs none, -1 once it is written."""

    def see(self, piece: Piece, made: list[str]) -> None:
        if piece.kind == "end" and piece.name == "table" and self._open:
            if self._open.pop() == -1:
                made.append("</tbody>")
        elif piece.kind == "start" and self._open and (place := self._open[-1]) not in (None, -1):
            if piece.name == "tr":
                made.insert(place, "<tbody>")
                self._open[-1] = -1
            else:
                self._open[-1] = None
        if piece.kind == "start" and piece.name == "table":
            self._open.append(len(made) + 1)


def _for_screens(style: Piece) -> bool:
    """Whether its rules hold on every screen: unlike a `style` attribute, `media` can limit them."""
    media = next((each.value for each in style.attributes if each.name == "media"), "")
    return media.strip().lower() in ("", "all", "screen")


def _inlinable(source: Protected, css: str) -> bool:
    """Whether Jinja tags stand only in the values of the rules."""
    for word in source.word.finditer(css):
        kind = source.tags[word[0]].kind
        if kind != "variable" or not _IN_VALUE.search(css, 0, word.start()):
            return False
    return True


def _grouped(source: Protected, part: str, piece: Piece) -> str:
    for attribute in reversed(piece.attributes):
        if span := statements(source, attribute):
            start, end = (attribute.start - piece.start + each for each in span)
            part = part[:start] + source.together(part[start:end]) + part[end:]
    return part


def statements(source: Protected, attribute: Attribute) -> tuple[int, int] | None:
    """The range from the first to the last Jinja statement of a value: it has to stay together."""
    found = [each for each in source.word.finditer(attribute.value) if source.tags[each[0]].kind == "block"]
    return (found[0].start(), found[-1].end()) if found else None


def _compare(source: Protected, before: str, after: str) -> None:
    """Raises unless the same elements as before stand between the same Jinja tags: the parser knows no branches."""
    strict = any(
        source.tags[word[0]].kind == "block"
        for piece in pieces(before)
        if piece.kind == "comment"
        for word in source.word.finditer(before, piece.start, piece.end)
    )
    wanted, made = (_outline(source, each, ends=strict) for each in (before, after))
    last = source.tags[wanted[1][0]].offset if len(wanted) > 1 else 0
    for word, outline in wanted:
        if word:
            last = source.tags[word].offset
        if not made or made[0] != (word, outline):
            raise SourceFlawed(last, _UNBALANCED)
        made.pop(0)
    words_before, words_after = (Counter(source.word.findall(each)) for each in (before, after))
    for word, count in words_before.items():
        if words_after[word] < count:
            raise SourceFlawed(source.tags[word].offset, "this Jinja tag would be lost when CSS is inlined")


Outline = list[tuple[str, list[tuple[str, str, tuple[str, ...]]]]]


def _outline(source: Protected, html: str, *, ends: bool) -> Outline:
    """The elements after each Jinja tag, up to the next."""
    parts: Outline = [("", [])]
    for piece in pieces(html):
        if piece.kind in ("comment", "text"):
            for word in source.word.findall(html, piece.start, piece.end):
                parts.append((word, []))
        elif piece.name in _IMPLIED or piece.name == "style":
            continue
        elif piece.kind == "start":
            parts[-1][1].append(("start", piece.name, _names(piece.attributes)))
        elif piece.kind == "end" and ends and piece.name not in VOID:
            parts[-1][1].append(("end", piece.name, ()))
    return parts


def _names(attributes: Iterable[Attribute]) -> tuple[str, ...]:
    return tuple(sorted(each.name for each in attributes if each.name not in _MADE))
