"""JSON is kept exactly, or refused where it stands."""

import contextlib
import json
import re
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_api.errors import Refused
from hermodr_api.http import json_text
from hermodr_api.http.json_text import Flawed, dump, parse, parse_array, parse_line
from hermodr_contracts.limits import DEEPEST, MOST_DIGITS


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def written(value: str) -> bytes:
    return f'{{"data": {{"a": [0, {value}]}}}}'.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    ("literal", "kept"),
    [
        ("9400109205568124000001", 9400109205568124000001),
        ("-9223372036854775809", -9223372036854775809),
        ("18446744073709551616", 18446744073709551616),
        ("9" * MOST_DIGITS, int("9" * MOST_DIGITS)),
        ("-" + "9" * MOST_DIGITS, -int("9" * MOST_DIGITS)),
        ("-0", 0),
        ("1", 1),
        ("1.0", 1.0),
        ("-0.0", -0.0),
        ("0.1", 0.1),
        ("19.90", 19.9),
        ("1e2", 100.0),
        ("1E-7", 1e-07),
        ("0.30000000000000004", 0.30000000000000004),
        ("5e-324", 5e-324),
        ("1e16", 10**16),
        ("1e22", 10**22),
        ("12345678901234567000.0", 12345678901234567000),
        ("1.7976931348623157e308", 17976931348623157 * 10**292),
        ("0e999", 0.0),
        ("0." + "1" + "0" * 100, 0.1),
        ('"\\ud83c\\udf82"', "🎂"),
        ('"\\ufffe\\uffff\\ue000\\u0001"', "\ufffe\uffff\ue000\x01"),
        ('"\\\\u0000"', "\\u0000"),
        (nested(DEEPEST - 2), json.loads(nested(DEEPEST - 2))),
    ],
)
def test_what_fits_is_kept(literal: str, kept: Any) -> None:
    found = parse(written(literal))["data"]["a"][1]
    assert found == kept
    assert type(found) is type(kept)
    assert json.loads(dump(found)) == kept
    (item,) = parse_array(b"[" + written(literal) + b"]", 100)
    assert item == parse_line(written(literal)) == {"data": {"a": [0, kept]}}


REFUSED = [
    ("1e400", "beyond the numbers"),
    ("-1e400", "beyond the numbers"),
    ("1e-400", "more digits than"),
    ("1e99999999999999999999", "beyond the numbers"),
    ("1e-99999999999999999999", "more digits than"),
    ("0.1000000000000000055", "more digits than"),
    ("123456789012345678.5", "more digits than"),
    ("0." + "3" * (MOST_DIGITS + 1), "more digits than"),
    ("9" * (MOST_DIGITS + 1), "more than 4300 digits"),
    ('"\\ud83d"', "surrogate"),
    ('"\\ude00\\ud83d"', "surrogate"),
    ('"a\\u0000b"', "null byte"),
    (nested(DEEPEST - 1), "nested more than 100 levels"),
    (nested(500), "nested more than 100 levels"),
]


@pytest.mark.parametrize(("literal", "words"), REFUSED)
def test_what_does_not_is_refused_where_it_stands(literal: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(written(literal))
    assert caught.value.kind.status == 422
    (flaw,) = caught.value.flaws
    assert flaw.loc == ("body", "data") if "nested" in words else ("body", "data", "a", 1)
    assert words in flaw.msg
    assert len(caught.value.detail) < 1000


@pytest.mark.parametrize(
    "literal", ["1", "1.5", *(literal for literal, _ in REFUSED), nested(5000), "{bro,ken}"]
)
def test_one_bad_item_refuses_no_other(literal: str) -> None:
    good = b'{"a": "x, [y] {z} \\" \\\\"}'
    items = parse_array(b"[" + b" ,\n".join([good, written(literal), good]) + b"] ", 100)
    kept = parse_line(good)
    assert items[0] == items[2] == kept
    assert isinstance(items[1], Flawed) is (literal not in ("1", "1.5"))
    assert [isinstance(each, Flawed) for each in items] == [
        isinstance(parse_line(each), Flawed) for each in (good, written(literal), good)
    ]


def test_octets_that_are_no_text_refuse_their_item_alone() -> None:
    items = parse_array(b'[{"a": "\xff"}, {"a": "\xed\xa0\xbd"}, {"a": 1}]', 100)
    assert [isinstance(each, Flawed) for each in items] == [True, True, False]


@pytest.mark.parametrize(
    ("text", "loc"),
    [
        (b'{"a": 1, "a": 2}', ("body", "a")),
        (b'{"data": {"b": 1, "a": [{"x": 1, "y": 2, "x": 1}]}}', ("body", "data", "a", 0, "x")),
    ],
)
def test_a_name_that_stands_twice_would_lose_a_value(text: bytes, loc: tuple[str | int, ...]) -> None:
    with pytest.raises(Refused) as caught:
        parse(text)
    assert [(flaw.loc, flaw.msg) for flaw in caught.value.flaws] == [(loc, "is given twice")]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"{",
        b"{} x",
        b"{}{}",
        b"[1,]",
        b"NaN",
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 01}',
        b'{"a": .5}',
        b'{"a": +1}',
        b"{'a': 1}",
        b'{"a": "\n"}',
        b'{"a": "\0"}',
        b'{"a": "\xff"}',
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-32-le"),
        '{"a": "٣"}'.encode("utf-16-be"),
    ],
)
def test_what_is_no_json_is_malformed(text: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parse(text)
    assert caught.value.kind.status == 400
    assert isinstance(parse_line(text), Flawed)


@pytest.mark.parametrize("text", [b'[{"a": "x}, {"b": 1}]', b"[1, 2", b"[1]]", b"[[1]", b"[1,,2]", b'["a]'])
def test_an_array_that_is_none_is_malformed_as_a_whole(text: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parse_array(text, 100)
    assert caught.value.kind.status == 400


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse(b'\xef\xbb\xbf{"a": 1.5}') == {"a": 1.5}
    assert parse_array(b"\xef\xbb\xbf[1, 1]", 2) == [1, 1]


def test_a_long_name_is_not_repeated_at_length() -> None:
    name = "k" * 100_000
    with pytest.raises(Refused) as caught:
        parse(json.dumps({name: 10.0**300, "b": {name: "\ud83d"}}).encode())
    assert len(caught.value.detail) < 300


_NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@given(_NUMBERS)
def test_a_number_is_that_number_or_refused(literal: str) -> None:
    try:
        (found,) = parse(f"[{literal}]".encode())
    except Refused:
        whole = literal.lstrip("-").isdecimal()
        assert not whole
        return
    exact = Decimal(literal)
    assert Decimal(repr(found)) == exact == Decimal(str(json.loads(dump(found))))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"a": "b', "unterminated string starting at line 1 column 7"),
        (b'{"a": "\x01"}', "invalid control character at line 1 column 8"),
        (b'{"a": }', "expecting value at line 1 column 7"),
    ],
)
def test_the_place_of_a_flaw_is_said_in_good_english(text: bytes, words: str) -> None:
    line = parse_line(text)
    assert isinstance(line, Flawed)
    assert [flaw.msg for flaw in line.flaws] == [words]
    with pytest.raises(Refused) as caught:
        parse(text)
    assert caught.value.detail == words


def test_what_would_be_read_for_a_second_in_one_go_is_read_one_by_one() -> None:
    heavy = b'{"a": [' + b"{}," * 200_000 + b"{}]}"
    items = parse_array(b"[" + b",".join([heavy, b'{"b": "\xff"}', heavy]) + b"]", 10_000)
    assert [isinstance(each, Flawed) for each in items] == [False, True, False]


@pytest.mark.parametrize("unit", ["[]", "{}", '{"a":1}', "1.5", '"ab"', "1e999"])
def test_a_body_of_very_many_values_is_not_read(unit: str) -> None:
    text = f"[{','.join([unit] * (1_000_000 // (len(unit) + 1)))}]".encode()
    with pytest.raises(Refused) as caught:
        parse(text)
    assert caught.value.kind.status == 413


@pytest.mark.parametrize("text", ["a, [b] {c}: " * 80_000, "\\\\" * 400_000, ",\\" + '"' + ":[{" * 200_000])
def test_what_stands_in_a_text_is_no_value(text: str) -> None:
    assert parse(json.dumps({"html": text}).encode()) == {"html": text}


def test_many_values_that_a_request_may_have_are_read() -> None:
    items = [
        {"to": {"email": f"user{n}@example.com"}, "type": "magic_link", "data": {"name": "Ada", "number": n}}
        for n in range(10_000)
    ]
    assert len(parse_array(json.dumps(items).encode(), 10_000)) == 10_000
    rows = [{"sku": f"A-{n}", "price": 19.9, "title": "A thing of some length"} for n in range(8_000)]
    assert len(parse(json.dumps({"data": rows}).encode())["data"]) == 8_000


@given(
    st.recursive(
        st.text('a"\\\\[{,:é'), lambda inner: st.lists(inner) | st.dictionaries(st.text('"\\\\'), inner)
    )
)
def test_what_values_weigh_is_told_without_their_texts(document: object) -> None:
    text = json.dumps(document).encode()
    outside = re.sub(rb'"[^"\\]*(?:\\.[^"\\]*)*"', b"", text)
    weight = json_text._weight(outside)
    assert not json_text._weighs_more(text, weight)
    assert json_text._weighs_more(text, weight - 1)


@pytest.mark.parametrize(
    "unit",
    [b'{"a":', b'"[[[[",', b'"[",', b'"\\"[",', b"[", b'{"a":"\\\\"},'],
    ids=lambda unit: unit.decode(),
)
def test_no_text_takes_long_to_be_weighed(unit: bytes) -> None:
    """Processor time of one look at a mebibyte; looking at text after text took a fifth of a second."""
    text = unit * (1024 * 1024 // len(unit))
    began = time.thread_time()
    with contextlib.suppress(Refused):
        json_text.bear(text)
    assert time.thread_time() - began < 0.1
