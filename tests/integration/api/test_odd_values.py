"""Values at the limits and beyond, at every route with a body: kept or refused, never 500.

Each value replaces each field of the route's example in turn, and is added beside it; what is stored is read back.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from hermodr_contracts.limits import DEEPEST, MOST_DIGITS
from tests.support.api import MAIL, ApiUnderTest, problem

JSON = {"content-type": "application/json"}
METHODS = ("put", "patch", "post")
ID = "01a224bc-f7aa-7587-94b3-7ff26cb4c683"
HOLE = "\ufdd0hole"


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


ODD = [
    "1e400", "-1e400", "1e-400", "NaN", "9" * (MOST_DIGITS + 1), "0.1000000000000000055", '"\\ud83d"', '"\\udc00x"',
    '"a\\u0000"', '{"a": 1, "a": 2}', '{"\\u0000": 1}', '{"\\ud800": 1}', nested(DEEPEST + 2),
    nested(1100), '"\\uffff"',
    "9" * MOST_DIGITS, "18446744073709551616", "-0", "1.0", "5e-324", "null", "[]", "{}", "true", '""', '"0"',
    '"' + "x" * 100_000 + '"', '{"' + "k" * 100_000 + '": 1}', '"2026-02-30T00:00:00Z"', '"0000-01-01T00:00:00Z"',
    '"9999-12-31T23:59:59-23:59"', '"\u0661"', f'"urn:uuid:{ID}"', '"1_0"',
]  # fmt: skip


def holes(example: Any) -> Iterator[Any]:
    """The example with a hole in place of each of its values in turn, and with one more member."""
    if isinstance(example, dict):
        yield {**example, "one_more": HOLE}
        for name, value in example.items():
            yield {**example, name: HOLE}
            for inner in holes(value):
                yield {**example, name: inner}
    elif isinstance(example, list):
        yield [*example, HOLE]
        for index, value in enumerate(example):
            for inner in holes(value):
                yield [*example[:index], inner, *example[index + 1 :]]


def filled(path: str) -> str:
    path = path.replace("{channel}", "email").replace("{version}", "1")
    return re.sub(r"{\w+}", ID, path)


async def test_no_value_anywhere_is_too_much(api: ApiUnderTest) -> None:
    paths = (await api.http.get("/openapi.json")).json()["paths"]
    failed = []
    tried = 0
    for path, operations in paths.items():
        for method in METHODS:
            content = (
                operations.get(method, {}).get("requestBody", {}).get("content", {}).get("application/json")
            )
            if content is None or "example" not in content:  # nobody can make up what a provider signs
                continue
            shapes = [json.dumps(each) for each in holes(content["example"])]
            for number, value in enumerate(ODD):
                # each value at some of the places, another choice for the next: all places meet all kinds in the end
                for shape in [HOLE_ALONE, *shapes[number % 5 :: 5]]:
                    body = shape.replace(json.dumps(HOLE), value).encode()
                    answer = await api.http.request(method, filled(path), content=body, headers=JSON)
                    tried += 1
                    if answer.status_code >= 500 or (answer.is_error and len(answer.content) > 10_000):
                        failed.append((method, path, body[:200], answer.status_code))
                    elif answer.is_client_error:
                        assert all(error["loc"] for error in answer.json()["errors"]), (path, body[:200])
    assert not failed, failed[:5]
    assert tried > 500


HOLE_ALONE = json.dumps(HOLE)


@pytest.mark.parametrize(
    "text", ["9400109205568124000001", "9" * MOST_DIGITS, "0.1", "1e-7", "1e22", "19.90"]
)
async def test_what_is_kept_comes_back_as_it_was(api: ApiUnderTest, text: str) -> None:
    person = await api.recipient(external_id="ada")
    note = f'{{"v": [{text}, "🎂\\uffff"]}}'
    mail = json.dumps(MAIL | {"to": {"recipient_id": person["id"]}, "metadata": HOLE, "data": HOLE})
    body = mail.replace(json.dumps(HOLE), note)
    single = await api.http.post("/v1/notifications", content=body.encode(), headers=JSON)
    bulk = await api.http.post("/v1/notifications/bulk", content=f"[{body}]".encode(), headers=JSON)
    assert (single.status_code, bulk.json()["accepted"]) == (202, 1)
    group = await api.http.post(
        "/v1/groups", content=f'{{"name": "g", "metadata": {note}}}'.encode(), headers=JSON
    )
    exact = Decimal(text)
    for url, way in (
        (single.json()["status_url"], ("job", "metadata")),
        (f"/v1/groups/{group.json()['id']}", ("metadata",)),
        (f"/v1/jobs?batch_id={bulk.json()['batch_id']}&include=metadata", ("data", 0, "metadata")),
        (f"/v1/recipients/{person['id']}/export", ("jobs", 0, "data")),
        (f"/v1/recipients/{person['id']}/export", ("jobs", 1, "metadata")),
    ):
        found = json.loads((await api.http.get(url)).content, parse_float=Decimal)
        for step in way:
            found = found[step]
        assert found["v"] == [exact, "🎂\uffff"], url


async def test_one_bad_item_refuses_no_other(api: ApiUnderTest) -> None:
    for bad in ('"\\ud83d"', "1e400", nested(1100), nested(5000), '{"a": 1, "a": 2}', "{broken}"):
        item = json.dumps(MAIL | {"data": HOLE}).replace(json.dumps(HOLE), f'{{"v": {bad}}}')
        good = json.dumps(MAIL)
        body = f"[{good}, {item}, {good}]"
        for content, headers in (
            (body, JSON),
            ("\n".join([good, item, good]), {"content-type": "application/x-ndjson"}),
        ):
            answer = await api.http.post("/v1/notifications/bulk", content=content.encode(), headers=headers)
            assert answer.status_code == 202, bad
            assert answer.json()["accepted"] == 2
            (rejected,) = answer.json()["rejected"]
            assert rejected["index"] == 1
            assert rejected["errors"][0]["msg"]


async def test_keys_hold_for_every_spelling_of_a_body(api: ApiUnderTest) -> None:
    """The same members in another order, the same number written otherwise."""
    number = "9400109205568124000001"
    one = json.dumps(MAIL | {"data": HOLE}).replace(json.dumps(HOLE), f'{{"n": {number}, "x": 1e2}}')
    other = json.dumps(dict(reversed(MAIL.items()))).replace("{", f'{{"data":{{"x":100.0,"n":{number}}},', 1)
    third = one.replace(number, number[:-1] + "2")
    for url, spelled in (("/v1/notifications", "%s"), ("/v1/notifications/bulk", "[%s]")):
        key = {**JSON, "idempotency-key": f"k{url}"}
        first, again, another = [
            await api.http.post(url, content=(spelled % body).encode(), headers=key)
            for body in (one, other, third)
        ]
        assert again.json() == first.json()
        assert again.headers["idempotent-replayed"] == "true"
        problem(another, 422, "idempotency-key-reused")
    keyed = [body.replace("{", '{"idempotency_key": "item", ', 1) for body in (one, other, third)]
    answer = await api.http.post(
        "/v1/notifications/bulk", content=f"[{','.join(keyed)}]".encode(), headers=JSON
    )
    assert (answer.json()["accepted"], [each["index"] for each in answer.json()["rejected"]]) == (2, [2])
    assert await api.jobs() == 3
