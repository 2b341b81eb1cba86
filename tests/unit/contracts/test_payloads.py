import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from hermodr_contracts.payloads import MOST_OCTETS, payload_flaw, usual_payload
from hermodr_contracts.urls import origin

AT = datetime(2026, 11, 29, 12, 30, tzinfo=timezone(timedelta(hours=2)))


def test_the_usual_payload_has_the_data_as_it_is_written() -> None:
    text = usual_payload('a "type"', AT, '{"total": 1.10, "big": 12345678901234567890123}')
    assert text.endswith('"data":{"total": 1.10, "big": 12345678901234567890123}}')
    read = json.loads(text)
    assert (read["type"], read["timestamp"]) == ('a "type"', "2026-11-29T10:30:00Z")
    assert json.loads(usual_payload(None, AT.astimezone(UTC), "{}"))["type"] is None


@pytest.mark.parametrize("text", ["{}", "[1]", '"x"', "1.10", ' {"a": "\\ud83d\\ude00"}\n', "9" * 4300])
def test_json_is_sent(text: str) -> None:
    assert payload_flaw(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no JSON: line 1, column 1: Expecting value"),
        ('{"a": 1,\n}', "is no JSON: line "),
        ("{'a': 1}", "is no JSON: line 1, column 2: "),
        ('{"a": NaN}', "is no JSON: there is no NaN in it"),
        ("-Infinity", "is no JSON: there is no -Infinity in it"),
        ("[" * 200_000, "is no JSON: it is nested too deeply"),
        ("9" * 4301, "is no JSON: "),
        ('"' + "ä" * (MOST_OCTETS // 2) + '"', "is too large: 262146 octets; at most 262144 are sent"),
    ],
    ids=["nothing", "comma", "quotes", "nan", "infinity", "deep", "digits", "large"],
)
def test_what_is_no_json_is_told_without_its_values(text: str, reason: str) -> None:
    flaw = payload_flaw(text)
    assert flaw is not None
    assert flaw.startswith(reason)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example.com/services/T0/secret?token=x#y", "https://hooks.example.com"),
        ("http://127.0.0.1:8025/x", "http://127.0.0.1:8025"),
        ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443"),
        ("HTTPS://Example.com?x", "HTTPS://Example.com"),
        ("https://user:secret@example.com/x", "https://example.com"),
        ("https://u:p@q@example.com/x", "https://example.com"),
        ("ada@example.com", ""),
        ("+15550100123", ""),
        ("", ""),
    ],
    ids=str,
)
def test_of_a_url_its_origin_is_shown(url: str, shown: str) -> None:
    assert origin(url) == shown
