import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from hermodr_api.suppressions.csv_lines import read_csv, written
from hermodr_contracts.vocabulary import SuppressionReason
from hermodr_ledger.people.suppressions import Suppression

AT = datetime(2026, 11, 29, tzinfo=UTC)
ONE = Suppression(UUID(int=1), "ada@example.com", SuppressionReason.MANUAL, None, None, None, AT, AT)


@pytest.mark.parametrize(
    ("note", "cell"),
    [
        ('=HYPERLINK("https://evil.example.org")', '\'=HYPERLINK("https://evil.example.org")'),
        ("+1+cmd", "'+1+cmd"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("'=1", "''=1"),
        ("asked by phone", "asked by phone"),
        ("'quoted'", "'quoted'"),
    ],
)
def test_a_spreadsheet_calculates_nothing_and_the_import_reads_what_was_written(note: str, cell: str) -> None:
    octets = written([replace(ONE, note=note)], header=True)
    _, row = csv.reader(io.StringIO(octets.decode(), newline=""))
    assert row[2] == cell
    assert [each.note for each in read_csv(octets).wanted] == [note]


def test_addresses_that_look_like_formulas_too_and_phone_numbers_stay() -> None:
    addresses = ["=cmd@example.com", "-x@example.com", "+15550100123"]
    octets = written([replace(ONE, address=each) for each in addresses], header=True)
    cells = [row[0] for row in csv.reader(io.StringIO(octets.decode(), newline=""))][1:]
    assert cells == ["'=cmd@example.com", "'-x@example.com", "+15550100123"]
    assert [each.address for each in read_csv(octets).wanted] == addresses
