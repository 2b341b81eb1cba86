"""Suppressions as CSV (RFC 4180): `address,reason,note,expires_at`, with a header. What a spreadsheet would calculate
stands behind an apostrophe (OWASP: CSV injection), which is taken away again when it is read."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from hermodr_api.errors import Flaw, invalid
from hermodr_api.http.bodies import flaws_of
from hermodr_api.suppressions.models import RejectedLine, SuppressionIn
from hermodr_ledger.people.suppressions import Suppression

COLUMNS = ("address", "reason", "note", "expires_at")
MOST_LINES = 100_000
MOST_NAMED = 100
"""Of the lines that are refused."""
_LONGEST_FIELD = 1000
_FORMULA = re.compile(r"[=@＝＋－＠\t\r-]|\+(?![0-9]{3,15}\Z)")
"""A phone number is none: it stays readable for others' programs."""


@dataclass(slots=True)
class Lines:
    """What a CSV says; `refused` counts the lines not taken, of which the first are `rejected`."""

    wanted: list[SuppressionIn] = field(default_factory=list)
    refused: int = 0
    rejected: list[RejectedLine] = field(default_factory=list)

    def refuse(self, line: int, reason: str) -> None:
        self.refused += 1
        if len(self.rejected) < MOST_NAMED:
            self.rejected.append(RejectedLine(line=line, reason=reason))


def read_csv(body: bytes) -> Lines:
    """Columns in any order; of other columns' files (`email`, as other services export) only the address is read.
    Raises `Refused` for what is no such CSV."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _no_csv("is not UTF-8") from None
    if "\0" in text:
        raise _no_csv("holds a NUL")
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines = Lines()
    try:
        names = _header(next(rows, []))
        for row in rows:
            if len(lines.wanted) + lines.refused >= MOST_LINES:
                raise _no_csv(f"has more than {MOST_LINES} lines")
            if row:
                _take(lines, names, row, rows.line_num)
    except csv.Error as error:
        raise _no_csv(f"is not CSV at line {rows.line_num}: {error}") from None
    return lines


def _header(row: Sequence[str]) -> list[str]:
    names = [each.strip().lower() for each in row]
    names = ["address" if each in ("email", "phone") and "address" not in names else each for each in names]
    if names.count("address") != 1:
        raise _no_csv(f"needs a header with the column address; known are {', '.join(COLUMNS)}")
    if twice := {each for each in names if each in COLUMNS and names.count(each) > 1}:
        raise _no_csv(f"has the column {min(twice)} twice")
    return names


def _take(lines: Lines, names: Sequence[str], row: Sequence[str], number: int) -> None:
    if len(row) > len(names):
        lines.refuse(number, f"has {len(row)} fields; the header has {len(names)}")
        return
    given = {
        name: _raw(value.strip())
        for name, value in zip(names, row, strict=False)
        if name in COLUMNS and value.strip()
    }
    if any(len(value) > _LONGEST_FIELD for value in given.values()):
        lines.refuse(number, f"has a field of more than {_LONGEST_FIELD} characters")
        return
    try:
        lines.wanted.append(SuppressionIn.model_validate(given))
    except ValidationError as error:
        flaw = flaws_of(error, ())[0]
        lines.refuse(number, f"{'.'.join(map(str, flaw.loc))}: {flaw.msg}")


def written(rows: Iterable[Suppression], *, header: bool) -> bytes:
    """Without those whose address is forgotten: nobody could import them."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    if header:
        writer.writerow((*COLUMNS, "created_at"))
    for each in rows:
        if each.address is not None:
            ends = each.expires_at.isoformat() if each.expires_at is not None else ""
            address, note = _harmless(each.address), _harmless(each.note or "")
            writer.writerow((address, each.reason, note, ends, each.created_at.isoformat()))
    return out.getvalue().encode()


def _harmless(text: str) -> str:
    return f"'{text}" if _FORMULA.match(_unquoted(text)) else text


def _raw(text: str) -> str:
    return text[1:] if text[:1] == "'" and _FORMULA.match(_unquoted(text)) else text


def _unquoted(text: str) -> str:
    return text.lstrip("'")


def _no_csv(reason: str) -> Exception:
    return invalid(Flaw(("body",), reason))
