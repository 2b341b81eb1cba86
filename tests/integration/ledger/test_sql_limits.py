"""JSON by SQL is kept exactly or refused, naming the argument."""

import json
from typing import Any

import pytest

from hermodr_contracts.limits import DEEPEST, MOST_DIGITS
from tests.support.psql import Psql, Refused
from tests.support.sql_house import House

MAIL = '"subject": "Hello", "body": "you"'


def nested(levels: int, opening: str = "[", closing: str = "]") -> str:
    return opening * levels + closing * levels


def queued(payload: str) -> list[str]:
    return [
        "SET hermodr.project = 'shop'",
        f"SELECT hermodr.queue_notification('note', 'ann@example.com', '{payload}')",
    ]


def asked(payload: str) -> list[str]:
    return ["SET hermodr.project = 'shop'", f"SELECT hermodr.enqueue_task('count', '{payload}', NULL)"]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("9400109205568124000001", 9400109205568124000001),
        ("-18446744073709551616", -18446744073709551616),
        ("9" * MOST_DIGITS, int("9" * MOST_DIGITS)),
        ("0.1", 0.1),
        ("0.30000000000000004", 0.30000000000000004),
        ("5e-324", 5e-324),
        ("1.7976931348623157e308", 17976931348623157 * 10**292),
        ("1e22", 10**22),
        (nested(DEEPEST - 1), json.loads(nested(DEEPEST - 1))),
        ('"🎂 \\ufffe"', "🎂 \ufffe"),
        (f'"{"[" * 200}"', "[" * 200),
    ],
)
def test_what_fits_is_kept_exactly(producer: Psql, admin: Psql, house: House, value: str, kept: Any) -> None:
    for statements in (queued(f'{{{MAIL}, "v": {value}}}'), asked(f'{{"v": {value}}}')):
        job_id = producer.one(*statements)
        data = json.loads(admin.one(f"SELECT data FROM hermodr.jobs WHERE id = '{job_id}'"))
        assert data == {"v": kept}
        assert type(data["v"]) is type(kept)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("1e400", "holds a number beyond IEEE double precision"),
        ("-1e400", "holds a number beyond IEEE double precision"),
        ("1e4299", "holds a number beyond IEEE double precision"),
        ("9" * (MOST_DIGITS + 1), f"more than {MOST_DIGITS} digits"),
        ("1e-400", "holds a fraction with more digits"),
        ("0.1000000000000000055", "holds a fraction with more digits"),
        ("123456789012345678.5", "holds a fraction with more digits"),
        (nested(DEEPEST), f"nested more than {DEEPEST} levels"),
        (nested(1100), f"nested more than {DEEPEST} levels"),
        (f'[{{"a": {nested(DEEPEST - 2)}}}]', f"nested more than {DEEPEST} levels"),
    ],
)
def test_what_does_not_is_refused_by_name(producer: Psql, house: House, value: str, reason: str) -> None:
    for argument, statements in (
        ("p_payload", queued(f'{{{MAIL}, "v": {value}}}')),
        ("payload", asked(f'{{"v": {value}}}')),
        ("content", [house.enqueue(content=f"""'{{{MAIL}, "v": {value}}}'""")]),
    ):
        with pytest.raises(Refused) as refused:
            producer.ask(*statements)
        line = str(refused.value).splitlines()[0]
        assert f" {argument}: " in line
        assert reason in line
        assert len(line) < 200


def test_the_sessions_own_settings_change_nothing(producer: Psql, house: House) -> None:
    """With fewer digits 0.30000000000000004 would seem altered."""
    assert producer.one("SET extra_float_digits = 0", *asked('{"v": 0.30000000000000004}'))
