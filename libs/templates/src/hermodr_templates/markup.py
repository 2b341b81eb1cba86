"""Splits HTML and MJML sources into pieces, in linear time for any input; nothing is repaired."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

VOID = frozenset(
    (
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
    )
)  # fmt: skip
"""Elements without an end tag."""
_RAW = ("style", "script", "title", "textarea", "mj-style", "mj-title", "mj-preview")
# Possessive quantifiers throughout, so that there is no backtracking; every branch can end at the end of the text.
_TOKEN = re.compile(
    r"""
    (?P<text> [^<]++ )
  | (?P<comment> <!-- .*? (?: --> | \Z ) )
  | (?P<declaration> < (?: [!?] | / (?![a-zA-Z]) ) [^>]*+ >? )
  | </ (?P<end> [a-zA-Z][^\s/>]*+ ) [^>]*+ >?
  | < (?P<start> [a-zA-Z][^\s/>]*+ )
      (?P<attributes> (?: [^>=]++ | = \s*+ (?: "[^"]*+"? | '[^']*+'? )?+ )*+ ) >?
  | (?P<bracket> < )
    """,
    re.VERBOSE | re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"""
    (?P<name> [^\s=/>]++ )
    (?P<given> \s*+ = \s*+ (?: "(?P<double>[^"]*+)"? | '(?P<single>[^']*+)'? | (?P<bare>[^\s>]*+) ) )?+
    """,
    re.VERBOSE,
)
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW}

Kind = Literal["text", "comment", "declaration", "start", "end", "raw", "bracket"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """`value` stands at `start` of the source; `quoted` is `None` if there is no value."""

    name: str
    value: str
    offset: int
    start: int
    quoted: bool | None


@dataclass(frozen=True, slots=True)
class Piece:
    """Kind `raw` is the content of a style, title and the like, in which nothing is a tag."""

    kind: Kind
    start: int
    end: int
    name: str = ""
    attributes: list[Attribute] = field(default_factory=list)
    closed: bool = False


def pieces(source: str) -> Iterator[Piece]:
    """The source in pieces, without gaps. Names are in lower case; `closed`: the tag ends with `/>`."""
    position = 0
    while (token := _TOKEN.match(source, position)) is not None:
        start, position = token.span()
        if token["start"] is not None:
            name = token["start"].lower()
            given = token["attributes"]
            closed = given.endswith("/")
            yield Piece(
                "start", start, position, name, list(_attributes(given, token.start("attributes"))), closed
            )
            if name in _RAW_END and not closed:
                end = _RAW_END[name].search(source, position)
                until = end.start() if end else len(source)
                if until > position:
                    yield Piece("raw", position, until, name)
                position = until
        elif token["end"] is not None:
            yield Piece("end", start, position, token["end"].lower())
        else:
            kind: Kind = token.lastgroup  # type: ignore[assignment]
            yield Piece(kind, start, position)


def _attributes(text: str, at: int) -> Iterator[Attribute]:
    for match in _ATTRIBUTE.finditer(text):
        for group in ("double", "single", "bare"):
            if match[group] is not None:
                quoted: bool | None = group != "bare"
                value, start = match[group], match.start(group)
                break
        else:
            quoted, value, start = None, "", match.end()
        yield Attribute(match["name"].lower(), value, at + match.start(), at + start, quoted)
