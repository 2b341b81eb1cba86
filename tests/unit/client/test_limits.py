"""What would not arrive as it was given is refused before anything is sent."""

import json
from typing import Any

import pytest

from hermodr_client import NotSendable
from hermodr_client.part import encoded


def deep(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


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
        (deep(5000), "nested more than 100 levels"),
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
