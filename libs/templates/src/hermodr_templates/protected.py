"""Replaces Jinja tags by words that MJML, CSS and HTML tools leave alone, and puts them back afterwards."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from hermodr_templates import checking
from hermodr_templates.flaws import SourceFlawed

_BEGIN = {"block_begin", "variable_begin", "comment_begin", "raw_begin"}
_END = {"block_end", "variable_end", "comment_end", "raw_end"}
_BRACES = re.compile(r"\{(?=[{%#])")


@dataclass(frozen=True, slots=True)
class Tag:
    """`kind`: `block`, `variable`, `comment`, `raw`; `together` for several tags, `markup` for none."""

    word: str
    source: str
    kind: str
    offset: int


class Protected:
    """`text` is the source with a word for each tag; `word` matches them."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._stem = _stem(source)
        self.word = re.compile(rf"{self._stem}\d+z")
        self._back = re.compile(
            rf'<!--({self.word.pattern})-->|({self.word.pattern})=""|({self.word.pattern})'
        )
        self.tags: dict[str, Tag] = {}
        self._places: list[tuple[int, int]] = []
        self.text = self._protect()

    def offset(self, position: int) -> int:
        at, origin = self._places[max(0, bisect_right(self._places, (position, len(self.source))) - 1)]
        until = self.text[at : at + 40]
        inside = self.word.match(until)
        return origin if inside and position < at + inside.end() else origin + position - at

    def together(self, text: str) -> str:
        """A word of the same length for a text with several tags, which then stays as it is."""
        word = f"{self._stem}{'9' * (len(text) - len(self._stem) - 1)}z"
        number = 0
        while word in self.tags:  # another text of the same length
            number += 1
            word = f"{self._stem}{'9' * (len(text) - len(self._stem) - 1 - len(str(number)))}{number}z"
        literal = self.word.split(text)
        put_back = literal[0].replace('"', "&quot;")
        for tag, rest in zip(self.word.findall(text), literal[1:], strict=True):
            put_back += self.tags[tag].source + rest.replace('"', "&quot;")
        first = self.word.findall(text)[0]
        self.tags[word] = Tag(word, put_back, "together", self.tags[first].offset)
        return word

    def aside(self, text: str, position: int) -> str:
        """A word for markup that has to come back unchanged."""
        number = len(self.tags)
        while (word := f"{self._stem}{number}z") in self.tags:
            number += 1
        back = self.word.sub(lambda found: self.tags[found[0]].source, text)
        self.tags[word] = Tag(word, back, "markup", self.offset(position))
        return word

    def restored(self, text: str) -> str:
        """`text` with its tags again. New braces that would look like a tag are escaped."""
        text = _BRACES.sub("{{ '{' }}", text)
        return self._back.sub(lambda found: self.tags[found[1] or found[2] or found[3]].source, text)

    def _protect(self) -> str:
        parts: list[str] = []
        length = position = begin = 0
        kind = ""

        def add(text: str, origin: int) -> None:
            nonlocal length
            self._places.append((length, origin))
            parts.append(text)
            length += len(text)

        for offset, token, value in checking.tokens(self.source):
            if token in _BEGIN and not kind:
                begin, kind = offset, token.partition("_")[0]
            elif token in _END and token.startswith(kind) and kind:
                add(self.source[position:begin], position)
                position = offset + len(value)
                word = f"{self._stem}{len(self.tags)}z"
                self.tags[word] = Tag(word, self.source[begin:position], kind, begin)
                add(word, begin)
                kind = ""
        if kind:
            raise SourceFlawed(begin, "this tag has no end")
        add(self.source[position:], position)
        return "".join(parts)


def _stem(source: str) -> str:
    number = 0
    while (stem := f"hmtag{number}q") in source:
        number += 1
    return stem
