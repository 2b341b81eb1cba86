"""What would not arrive as it was given is refused before anything is sent."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from hermodr_client import NotSendable
from hermodr_client.part import encoded


def deep(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


ROUND: dict[str, Any] = {"list": [1]}
ROUND["list"].append(ROUND)
TWICE = {"b": 1}
ID = UUID("01a2018c-e359-7702-8eb3-8dd0fbf20000")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"cart": [1, {"gift": "\ud83d"}]}, "data.cart.1.gift: holds half of a surrogate pair"),
        ({"a": "x\0"}, "data.a: holds a null byte"),
        ({"a\0": 1}, "data: a name holds a null byte"),
        ({1: "a", "1": "b"}, "data: names of members are texts, not int"),
        ({"a": float("nan")}, "data.a: is no number"),
        ({"a": float("-inf")}, "data.a: is no number"),
        ({"a": 10**4300}, "data.a: is a whole number of more than 4300 digits"),
        (deep(101), "nested more than 100 levels"),
        (deep(5000), "data.a.a.a.a.a.a.a.a.a.…: is nested more than 100 levels"),
        (ROUND, "data.list.1: contains itself"),
        ({"a": [object()]}, "data.a.0: object cannot be said in JSON"),
        ({"a": {1, 2}}, "data.a: set cannot be said in JSON"),
        ({"a": b"x"}, "data.a: bytes cannot be said in JSON"),
        ({"a": Decimal("1.10")}, "data.a: Decimal cannot be said in JSON: make it a text"),
        ({"a": date(2026, 1, 1)}, "data.a: date cannot be said in JSON"),
        ({"a": datetime(2026, 1, 1)}, "data.a: a moment needs its UTC offset"),  # noqa: DTZ001
    ],
    ids=lambda value: type(value).__name__,
)
def test_it_says_where_and_why(data: Any, words: str) -> None:
    with pytest.raises(NotSendable) as caught:
        encoded({"to": {"email": "ada@example.com"}, "data": data})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [2**64, -(10**4299), 0.1, 1e22, 5e-324, "🎂\uffff", (1, 2), deep(99)],
    ids=lambda value: type(value).__name__,
)
def test_everything_else_is_said_exactly(value: Any) -> None:
    expected = list(value) if isinstance(value, tuple) else value
    assert json.loads(encoded({"data": {"a": value}})) == {"data": {"a": expected}}


def test_what_has_one_way_to_be_said_is() -> None:
    said = json.loads(
        encoded(
            {
                "a": ID,
                "b": datetime(2026, 1, 1, tzinfo=UTC),
                "c": MappingProxyType(TWICE),
                "d": [TWICE, TWICE],
            }
        )
    )
    assert said == {"a": str(ID), "b": "2026-01-01T00:00:00+00:00", "c": TWICE, "d": [TWICE, TWICE]}
