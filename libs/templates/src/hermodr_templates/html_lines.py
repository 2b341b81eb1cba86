"""Lines of text, made of words and the gaps between blocks."""

from __future__ import annotations

import re

from hermodr_templates.html_links import shown_beside
from hermodr_templates.html_marks import STRUCK, marked

_BLANKS = re.compile(r"[ \t\r\n\f]+")
_UNEVEN = re.compile(r"[\t\r\n\f]|  ").search
_OPENING = "([{<\u201c\u201e\u2018\u201a\u00ab\u00bf\u00a1/#@"
_CLOSING = ")]}>\u201d\u2019\u00bb.,;:!?\u2026%/\u3002\u3001\uff0c"
# Invisible characters: mails pad the inbox preview with hundreds; single ones join emoji and letters (Persian, Thai).
_INVISIBLE = "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200d\u2060-\u2064\u2800\u3164\ufeff\uffa0"
_SOME_INVISIBLE = re.compile(f"[{_INVISIBLE}]")
_RUN = re.compile(rf"[\s{_INVISIBLE}\u200e\u200f]{{2,}}+")
_USELESS = re.compile("[\u00ad\ufeff]")


class Lines:
    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._line: list[str] = []
        self._gap = 0
        self._marker = ""
        self._apart = False
        self._indented = False
        self._links: list[tuple[int, int]] = []

    def text(self) -> str:
        """The whole text with a line break at its end; empty if nothing is visible."""
        self.end(0)
        text = "".join(self._pieces).strip("\n")
        return text + "\n" if text else ""

    def write(self, text: str) -> None:
        """Writes text in which blanks collapse. `text` is not empty."""
        if _UNEVEN(text):
            text = _BLANKS.sub(" ", text)
        line = self._line
        if text[0] == " " and (not line or line[-1][-1] == " "):
            text = text[1:]
            if not text:
                return
        if self._apart:
            self._keep_apart(text)
        line.append(text)

    def write_verbatim(self, text: str, kind: str) -> None:
        """`pre` keeps all blanks, `pre-line` only line ends."""
        for number, each in enumerate(text.replace("\r\n", "\n").split("\n")):
            if number:
                self._flush(keep_blank=True)
                self._gap = 1
            if kind == "pre":
                self._indented = self._indented or not self._line
                self._line.extend([each] if each else [])
            elif each:
                self.write(each)

    def word(self, text: str) -> None:
        """Writes text that is not part of the words beside it, such as an image's."""
        if text and not text.isspace():
            self._apart = True
            self.write(text)
            self._apart = True

    def apart(self) -> None:
        """Keeps what follows apart from the word before."""
        self._apart = True

    def mark(self, marker: str) -> None:
        """The next line begins with `marker`."""
        self._marker = marker

    def begin_link(self) -> None:
        self._links.append((len(self._pieces), len(self._line)))

    def end_link(self, target: str, *, bare: bool) -> None:
        """Adds the target after its label. `bare`: also if there is no label."""
        pieces, start = self._links.pop()
        label = "".join(self._line[start:] if pieces == len(self._pieces) else self._line)
        label = _seen(label).strip()
        if not label and len(self._pieces) > pieces:  # the label ended on the lines above
            if shown := shown_beside(self._pieces[-1].lstrip(), target):
                self._pieces[-1] += f" {shown}"
        elif (label or bare) and (shown := shown_beside(label, target)):
            self.word(shown)

    def place(self) -> tuple[int, int]:
        return len(self._pieces), len(self._line)

    def mark_since(self, place: tuple[int, int], kind: str) -> None:
        """Marks what was written since then: struck, raised or lowered."""
        pieces, start = place
        if pieces == len(self._pieces):
            if text := "".join(self._line[start:]):
                self._line[start:] = [marked(text, kind)]
            return
        if kind == STRUCK:  # only strikes span lines
            for number in range(pieces, len(self._pieces)):
                self._pieces[number] = marked(self._pieces[number], kind)
            if text := "".join(self._line):
                self._line[:] = [marked(text, kind)]

    def newline(self) -> None:
        """`<br>`: ends the line or leaves one empty line, never more."""
        self._flush()
        self._gap = min(2, self._gap + 1)

    def end(self, newlines: int) -> None:
        """The edge of a block: at least so many line breaks; 2 give a blank line."""
        if self._line:
            self._flush()
        if newlines > self._gap and not self._marker:  # else the block comes first in a list item
            self._gap = newlines

    def rule(self) -> None:
        self.end(2)
        self._line.append("-" * 20)
        self.end(2)

    def _keep_apart(self, text: str) -> None:
        if text != " ":
            self._apart = False
        if self._line and text[0] != " " and text[0] not in _CLOSING:
            last = self._line[-1][-1]
            if not last.isspace() and last not in _OPENING:
                self._line.append(" ")

    def _flush(self, *, keep_blank: bool = False) -> None:
        line = _seen("".join(self._line))
        line = line.rstrip() if self._indented else line.strip()
        self._line.clear()
        self._apart = self._indented = False
        if line or keep_blank:
            if self._pieces:
                self._pieces.append("\n" * self._gap)
            self._pieces.append(self._marker + line)
            self._marker = ""
            self._gap = 0


def _seen(line: str) -> str:
    """Without invisible padding. A single invisible character may join emoji or letters, and stays."""
    if line.isascii() or not _SOME_INVISIBLE.search(line):
        return line
    if not _SOME_INVISIBLE.sub("", line).strip():
        return ""
    return _USELESS.sub("", _RUN.sub(_instead_of_filler, line))


def _instead_of_filler(run: re.Match[str]) -> str:
    seen = _SOME_INVISIBLE.sub("", run[0])
    if len(run[0]) - len(seen) < 2:
        return run[0]
    return " " if seen.strip("\u200e\u200f") else ""
