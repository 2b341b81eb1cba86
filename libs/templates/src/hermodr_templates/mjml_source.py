"""Compiles MJML to the HTML tables that mail programs understand."""

from __future__ import annotations

import re

from mjml import mjml2html

from hermodr_templates.flaws import SourceFlawed
from hermodr_templates.inlining import DEEPEST, inlined, statements
from hermodr_templates.markup import VOID, Attribute, Piece, pieces
from hermodr_templates.protected import Protected

_KNOWN = frozenset(
    (
        "mjml", "mj-accordion", "mj-accordion-element", "mj-accordion-text", "mj-accordion-title", "mj-all",
        "mj-attributes", "mj-body", "mj-breakpoint", "mj-button", "mj-carousel", "mj-carousel-image", "mj-class",
        "mj-column", "mj-divider", "mj-font", "mj-group", "mj-head", "mj-hero", "mj-html-attributes", "mj-image",
        "mj-navbar", "mj-navbar-link", "mj-preview", "mj-raw", "mj-section", "mj-social", "mj-social-element",
        "mj-spacer", "mj-style", "mj-table", "mj-text", "mj-title", "mj-wrapper",
    )
)  # fmt: skip
_POSITION = re.compile(r"at position (\d+)(?::\d+)?")
_LOST = (
    "MJML needs this value when the template is saved, or has no place for a Jinja tag here: "
    "put it into an element's text, or into an attribute that is passed on, such as href, src, color or padding"
)


def compiled(source: Protected) -> str:
    """The HTML, with Jinja tags as they were. No file and no address is opened. Raises SourceFlawed."""
    _check(source)
    text, rules = _prepared(source)
    try:
        # No default fonts: with them every mail would load from Google.
        html = mjml2html(text, fonts={}, include_loader=_nothing)
    except ValueError as error:
        raise _flaw_of(source, str(error)) from None
    _check_kept(source, text, html)
    return inlined(source, html, rules) if rules else html


def _nothing(path: str) -> str:
    raise ValueError(f"there is nothing to include, not even {path!r}")


def _flaw_of(source: Protected, message: str) -> SourceFlawed:
    position = _POSITION.search(message)
    reason = message.partition(" in root template")[0] or message
    return SourceFlawed(source.offset(int(position[1])) if position else 0, f"not MJML: {reason}")


def _check(source: Protected) -> None:
    """What the compiler reports without a place, or does not notice."""
    text = source.text
    open_elements: list[Piece] = []
    first = True
    for piece in pieces(text):
        if piece.kind == "bracket":
            raise _at(source, piece.start, "a < in text has to be written &lt;")
        if piece.kind == "start":
            if first and piece.name != "mjml":
                raise _at(source, piece.start, "the outermost element has to be <mjml>")
            first = False
            _check_element(source, piece)
            if not piece.closed and piece.name not in VOID:
                open_elements.append(piece)
                if len(open_elements) > DEEPEST:
                    raise _at(source, piece.start, f"elements are nested more than {DEEPEST} deep")
        elif piece.kind == "end" and piece.name not in VOID:
            if not open_elements:
                raise _at(source, piece.start, f"</{piece.name}> closes nothing")
            opened = open_elements.pop()
            if opened.name != piece.name:
                line = text.count("\n", 0, opened.start) + 1
                raise _at(
                    source,
                    piece.start,
                    f"</{piece.name}> stands where <{opened.name}> of line {line} is open",
                )
    if open_elements:
        raise _at(source, open_elements[-1].start, f"<{open_elements[-1].name}> is never closed")
    if first:
        raise SourceFlawed(0, "the outermost element has to be <mjml>")


def _check_element(source: Protected, piece: Piece) -> None:
    if piece.name == "mj-include":
        raise _at(source, piece.start, "<mj-include> is not possible: templates have no files")
    if piece.name.startswith("mj") and piece.name not in _KNOWN:
        raise _at(source, piece.start, f"MJML has no element <{piece.name}>")
    if source.word.search(piece.name):
        raise _at(source, piece.start, "an element's name cannot be a variable")
    for attribute in piece.attributes:
        if source.word.search(attribute.name):
            raise _at(
                source, attribute.offset, "in MJML a Jinja tag cannot stand among attributes, only in a value"
            )
        if not attribute.quoted:
            raise _at(source, attribute.offset, f"the value of {attribute.name} has to stand in quotes")


def _at(source: Protected, position: int, reason: str) -> SourceFlawed:
    return SourceFlawed(source.offset(position), reason)


def _prepared(source: Protected) -> tuple[str, str]:
    """The text for the compiler, with all offsets unchanged, and the rules of `<mj-style inline="inline">`."""
    made: list[str] = []
    rules: list[str] = []
    inline = False
    for piece in pieces(source.text):
        part = source.text[piece.start : piece.end]
        if piece.kind == "start":
            inline = piece.name == "mj-style" and any(map(_is_inline, piece.attributes))
            for attribute in reversed(piece.attributes):
                if span := statements(source, attribute):
                    start, end = (attribute.start - piece.start + each for each in span)
                    part = part[:start] + source.together(part[start:end]) + part[end:]
        elif piece.kind == "raw" and inline:
            rules.append(part)
            part = re.sub(r"\S", " ", part)
        made.append(part)
    return "".join(made), "\n".join(rules)


def _is_inline(attribute: Attribute) -> bool:
    return attribute.name == "inline" and attribute.value == "inline"


def _check_kept(source: Protected, text: str, html: str) -> None:
    """Every Jinja tag must still be there; statements once each and in order."""
    before, after = source.word.findall(text), source.word.findall(html)
    there = set(after)
    for word in before:
        if word not in there and source.tags[word].kind != "comment":
            raise SourceFlawed(source.tags[word].offset, _LOST)
    blocks_before, blocks_after = (
        [word for word in words if source.tags[word].kind == "block"] for words in (before, after)
    )
    for position, word in enumerate(blocks_before):
        if blocks_after[position : position + 1] != [word]:
            raise SourceFlawed(source.tags[word].offset, _LOST)
    if len(blocks_after) > len(blocks_before):
        raise SourceFlawed(source.tags[blocks_after[len(blocks_before)]].offset, _LOST)
