"""How two versions of a template differ, side by side."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import NamedTuple

from hermodr_contracts.approved_templates import ApprovedTemplate
from hermodr_ledger.templates.versions import Contents, Texts

_CONTEXT = 3
_MOST_LINES = 3000
_MOST_WORDS = 200
"""Of a line that is compared word by word, which takes time by their square."""
_LONGEST = 64 * 1024
"""Characters of both texts whose lines are compared word by word."""
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_PARTS = ("subject", "body_text", "body_mjml", "body_html", "inline_css", "approved")


class Piece(NamedTuple):
    """Of a line; `changed`: it is not in the other one."""

    text: str
    changed: bool = False


class Row(NamedTuple):
    """A line of both sides; a side without one has the number `None`. Without numbers at all: lines are left out."""

    old: int | None = None
    left: Sequence[Piece] = ()
    new: int | None = None
    right: Sequence[Piece] = ()

    @property
    def gap(self) -> bool:
        return self.old is None and self.new is None

    @property
    def changed(self) -> bool:
        return self.old is None or self.new is None or any(each.changed for each in (*self.left, *self.right))


class Difference(NamedTuple):
    """`rows` is `None` if the texts are too long to compare line by line."""

    channel: str
    locale: str
    part: str
    rows: Sequence[Row] | None


def differences(old: Contents, new: Contents) -> list[Difference]:
    """Of each part of the texts that is not the same. Takes up to a second: run it in a thread."""
    return list(_differences(old, new))


def _differences(old: Contents, new: Contents) -> Iterator[Difference]:
    for channel in sorted({*old, *new}):
        was, now = old.get(channel, {}), new.get(channel, {})
        for locale in sorted({*was, *now}):
            left, right = was.get(locale), now.get(locale)
            for part in _PARTS:
                one, other = _text(left, part), _text(right, part)
                if one != other:
                    yield Difference(channel, locale, part, _side_by_side(one, other))


def _text(texts: Texts | None, part: str) -> str:
    if part == "inline_css":
        return "yes" if texts is None or texts.inline_css else "no"
    if texts is None:
        return ""
    if part == "approved":
        return _approved(texts.approved)
    return getattr(texts, part) or ""


def _approved(document: str | None) -> str:
    if document is None:
        return ""
    each = ApprovedTemplate.read(document)
    lines = [f"{each.name} ({each.language})", *(f"parameter: {one}" for one in each.parameters)]
    lines += [f"header: {each.header}"] if each.header is not None else []
    return "\n".join([*lines, *(f"button: {one or ''}" for one in each.buttons)])


def _side_by_side(old: str, new: str) -> list[Row] | None:
    left, right = (text.split("\n") if text else [] for text in (old, new))
    if max(len(left), len(right)) > _MOST_LINES:
        return None
    words = _MOST_WORDS if len(old) + len(new) <= _LONGEST else 0
    rows: list[Row] = []
    for group in SequenceMatcher(None, left, right).get_grouped_opcodes(_CONTEXT):
        if rows or group[0][1] > 0:
            rows.append(Row())
        for kind, old_from, old_to, new_from, new_to in group:
            pairs = zip_longest(range(old_from, old_to), range(new_from, new_to))
            if kind == "equal":
                rows += [
                    Row(each + 1, [Piece(left[each])], other + 1, [Piece(right[other])])
                    for each, other in pairs
                ]
            else:
                rows += [_row(left, right, each, other, words) for each, other in pairs]
    return rows


def _row(left: Sequence[str], right: Sequence[str], old: int | None, new: int | None, words: int) -> Row:
    """Of the line `old` (from 0) and the one in its place; `None`: there is none."""
    if old is None or new is None:
        return Row(*_alone(left, old), *_alone(right, new))
    before, after = _pieces(left[old], right[new], words)
    return Row(old + 1, before, new + 1, after)


def _alone(lines: Sequence[str], index: int | None) -> tuple[int | None, Sequence[Piece]]:
    return (None, ()) if index is None else (index + 1, [Piece(lines[index], changed=True)])


def _pieces(old: str, new: str, words: int) -> tuple[list[Piece], list[Piece]]:
    """Two lines in place of one another, word by word; wholly changed where they have more words than that, or little
    in common."""
    left, right = _WORDS.findall(old), _WORDS.findall(new)
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if max(len(left), len(right)) > words or matcher.quick_ratio() < 1 / 3:
        return [Piece(old, changed=True)], [Piece(new, changed=True)]
    before, after = [], []
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        changed = kind != "equal"
        if old_to > old_from:
            before.append(Piece("".join(left[old_from:old_to]), changed))
        if new_to > new_from:
            after.append(Piece("".join(right[new_from:new_to]), changed))
    return before, after
