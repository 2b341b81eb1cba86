"""Writes rows into files, each as it comes: CSV, JSON, XLSX. What a spreadsheet would calculate is text there."""

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import xlsxwriter

from hermodr_ledger.connections.querying import Column, Row

Format = Literal["csv", "json", "xlsx"]
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MOST_BYTES = 1024 * 1024 * 1024
MOST_ROWS = {"csv": 10_000_000, "json": 10_000_000, "xlsx": 1_048_575}
MOST_OF_AN_XLSX_VALUE = 32_767
_MOST_XLSX_COLUMNS = 16_384
_XLSX_DIGITS = 15
"""Of a number; of more a spreadsheet keeps no more than these."""
_FORMULA = re.compile(r"'*[=+@＝＋－＠\t\r\n-]")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


class TooLarge(Exception):
    """The text is for users."""


class Table(Protocol):
    """A file that grows. `write` and `close` raise `TooLarge` and `OSError`."""

    def write(self, rows: Sequence[Row]) -> None: ...
    def close(self) -> None: ...


def table(of: Format, path: Path, columns: Sequence[Column]) -> Table:
    """In a folder of its own, which is the caller's to delete. `json`: the values that come are JSON texts."""
    match of:
        case "csv":
            return _Csv(path, columns)
        case "json":
            return _Json(path, columns)
        case "xlsx":
            return _Xlsx(path, columns)


def harmless(text: str) -> str:
    """As a cell of a CSV: what would be a formula stands behind an apostrophe (OWASP: CSV injection)."""
    return f"'{text}" if _FORMULA.match(text) and not _PLAIN_NUMBER.fullmatch(text) else text


class _Csv:
    """RFC 4180. Null and the empty text are both nothing."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._out = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._out)
        self._writer.writerow([harmless(each.name) for each in columns])
        self._texts = [each.kind == "other" for each in columns]

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._writer.writerow(
                [
                    harmless(value) if value is not None and is_text else value
                    for value, is_text in zip(row, self._texts, strict=True)
                ]
            )
        _bounded(self._out.tell())

    def close(self) -> None:
        self._out.close()


class _Json:
    """An array with an object on each line."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._out = path.open("w", encoding="utf-8", newline="")
        self._names = [f"{json.dumps(each.name, ensure_ascii=False)}: " for each in columns]
        self._before = "[\n"

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            members = ", ".join(
                name + (value or "null") for name, value in zip(self._names, row, strict=True)
            )
            self._out.write(f"{self._before}{{{members}}}")
            self._before = ",\n"
        _bounded(self._out.tell())

    def close(self) -> None:
        self._out.write("[]\n" if self._before == "[\n" else "\n]\n")
        self._out.close()


class _Xlsx:
    """One sheet. Numbers that a spreadsheet keeps exactly are numbers, true and false are those, all else is text."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        if len(columns) > _MOST_XLSX_COLUMNS:
            raise TooLarge(f"an XLSX has at most {_MOST_XLSX_COLUMNS} columns")
        self._columns = columns
        self._book = xlsxwriter.Workbook(
            path,
            {
                "constant_memory": True,
                "tmpdir": str(path.parent),
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self._book.use_zip64()
        self._sheet = self._book.add_worksheet("Export")
        for at, each in enumerate(columns):
            self._sheet.write_string(0, at, each.name)
        self._next = 1
        self._characters = 0

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            for at, (column, value) in enumerate(zip(self._columns, row, strict=True)):
                if value is not None:
                    self._cell(at, column, value)
            self._next += 1
        _bounded(self._characters)

    def _cell(self, at: int, column: Column, value: str) -> None:
        self._characters += len(value)
        if column.kind == "boolean":
            self._sheet.write_boolean(self._next, at, value == "true")
        elif column.kind == "number" and _exact(value):
            self._sheet.write_number(self._next, at, float(value))
        elif len(value) > MOST_OF_AN_XLSX_VALUE:
            raise TooLarge(
                f"a value of the column {column.name} has more than {MOST_OF_AN_XLSX_VALUE} characters,"
                " the most of XLSX; take csv or json"
            )
        else:
            self._sheet.write_string(self._next, at, value)

    def close(self) -> None:
        self._book.close()


def _exact(number: str) -> bool:
    digits = number.lstrip("-").replace(".", "").lstrip("0")
    return _PLAIN_NUMBER.fullmatch(number) is not None and len(digits) <= _XLSX_DIGITS


def _bounded(size: int) -> None:
    if size > MOST_BYTES:
        raise TooLarge(f"the answer has more than {MOST_BYTES // 2**20} MiB; ask for less")
