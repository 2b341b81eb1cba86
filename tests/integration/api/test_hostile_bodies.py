"""No refused request answers with more than 64 KiB or costs more memory than 8 MiB and ten times its body; tried
on every route, against a process of its own."""

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio

from tests.support.api import SECRET, ApiUnderTest, token_of
from tests.support.api_process import Memory, free_port, started, until_answers
from tests.support.possessions import OWNER, possessions

MIB = 1024 * 1024
LONGEST_ANSWER = 64 * 1024
SECONDS = 30.0
"""For a slow machine; what is quadratic takes minutes."""
TIMES_IF_TAKEN = 40
"""Of a bulk request whose items are read: `[[],[],…` takes thirtyfold in Python, and ten thousand items may hold it."""
OCTETS = 100_000
BULK = "/v1/notifications/bulk"


def _array(*units: str, octets: int) -> str:
    unit = ",".join(units)
    return "[" + ",".join([unit] * (octets // (len(unit) + 1))) + "]"


def _object(value: str, octets: int, end: str = "") -> str:
    return "{" + ",".join(f'"{n:x}{end}":{value}' for n in range(octets // (len(value) + len(end) + 8))) + "}"


def hostile(octets: int) -> dict[str, str]:
    """JSON texts, or nearly, of about so many octets each."""
    long = "k" * (octets // 2)
    return {
        "nested arrays": "[" * (octets // 2) + "]" * (octets // 2),
        "nested objects": '{"a":' * (octets // 6) + "1" + "}" * (octets // 6),
        "unknown fields": _object("1", octets),
        "nulls below a long name": f'{{"{long}":{_array(chr(34) + chr(92) + "u0000" + chr(34), octets=octets // 2)}}}',
        "nulls": _array('"\\u0000"', octets=octets),
        "nulls in names": _object("1", octets, "\\u0000"),
        "control characters in names": _object("1", octets, "\\u0001" * 40),
        "halves of characters": _array('"\\ud800"', octets=octets),
        "numbers beyond all": _array("1e999", octets=octets),
        "long numbers": _array("9" * 5000, octets=octets),
        "empty arrays": _array("[]", octets=octets),
        "empty objects": _array("{}", octets=octets),
        "small objects": _array('{"a":1}', octets=octets),
        "objects in objects": _object('{"b":{}}', octets),
        "fractions": _array("1.5", "2.5", "3.5", octets=octets),
        "texts": "[" + ",".join(f'"{n:x}"' for n in range(octets // 7)) + "]",
        "one name": "{" + ",".join(['"a":1'] * (octets // 6)) + "}",
        "one name again and again": _array('{"a":1,"a":1}', octets=octets),
        "a text": '"' + "x" * octets + '"',
        "control characters": '"' + "\\u0001" * (octets // 6) + '"',
        "an end that is missing": '{"a":"' + "x" * octets,
    }


@dataclass
class Attacked:
    """An api process, its routes, and a key."""

    http: httpx.AsyncClient
    pid: int
    paths: Mapping[str, Any]
    schemas: Mapping[str, Any]
    ids: Mapping[str, str]
    user_token: str

    async def send(self, method: str, path: str, content: bytes, **headers: str) -> httpx.Response:
        """Fails when the answer, or its cost, exceeds the bounds."""
        memory, began = Memory(self.pid), time.monotonic()
        headers = {"content-type": "application/json"} | headers
        answer = await self.http.request(method, path.format(**self.ids), content=content, headers=headers)
        took, peak = time.monotonic() - began, memory.mebibytes()
        where = (method, path, content[:60], len(content), answer.status_code, answer.text[:200])
        assert answer.status_code < 500, where
        assert answer.is_success or len(answer.content) <= LONGEST_ANSWER, (len(answer.content), where)
        times = 10 if answer.status_code >= 400 else TIMES_IF_TAKEN
        assert peak <= 8 + times * len(content) / MIB, (peak, where)
        assert took < SECONDS, (took, where)
        return answer

    def bodies(self) -> Iterator[tuple[str, str, Any, list[str]]]:
        """Method, path, example and fields."""
        for path, operations in self.paths.items():
            for method, operation in operations.items():
                content = operation.get("requestBody", {}).get("content", {}).get("application/json")
                if content is not None:
                    schema = content["schema"].get("anyOf", [content["schema"]])[0]
                    schema = schema.get("items", schema)
                    if "$ref" not in schema:  # whatever the provider reports
                        yield method, path, {}, []
                        continue
                    fields = self.schemas[schema["$ref"].rpartition("/")[2]]["properties"]
                    yield method, path, content.get("example", {}), list(fields)


@pytest_asyncio.fixture
async def attacked(api: ApiUnderTest, database_url: str) -> AsyncIterator[Attacked]:
    ids = {**await possessions(api), "channel": "email", "version": "1", "provider": "smtp", "token": "none"}
    described = (await api.http.get("/openapi.json")).json()
    port, key = free_port(), api.http.headers["authorization"]
    async with (
        started(database_url, port, jwt_secret=SECRET) as process,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"authorization": key}, timeout=60
        ) as http,
    ):
        await until_answers(http, "/health/ready")
        warm = orjson.dumps({"data": {"a": "x" * 200_000}})
        await http.post("/v1/notifications", content=warm, headers={"content-type": "application/json"})
        yield Attacked(
            http,
            process.pid,
            described["paths"],
            described["components"]["schemas"],
            ids,
            token_of(OWNER, str(api.project_id)),
        )


async def test_what_was_found(attacked: Attacked) -> None:
    nulls = hostile(460_000)["nulls below a long name"].encode()
    user = {"authorization": f"Bearer {attacked.user_token}"}
    path = "/v1/recipients/{recipient_id}/preferences"
    assert (await attacked.send("PUT", path, nulls, **user)).status_code == 422
    assert (await attacked.send("POST", "/v1/notifications", nulls)).status_code == 422
    unknown = hostile(229_000)["unknown fields"]
    for place in (
        "{}",
        '{{"contents":{}}}',
        '{{"contents":{{"email":{}}}}}',
        '{{"contents":{{"email":{{"en":{}}}}}}}',
    ):
        content = place.format(unknown).encode()
        for path in ("/v1/template-previews", "/v1/templates/{template_id}/preview", "/v1/templates"):
            assert (await attacked.send("POST", path, content)).status_code == 422


@pytest.mark.parametrize("octets", [MIB - 200])
async def test_the_longest_bodies(attacked: Attacked, octets: int) -> None:
    for text in hostile(octets).values():
        for content in (text, '{"data":' + text + "}"):
            await attacked.send("POST", "/v1/notifications", content.encode()[:MIB])


async def test_many_of_one_kind(attacked: Attacked) -> None:
    for number in (1, 7, 8, 9, 100):
        many = ",".join(f'"{n:x}":1' for n in range(number))
        one = "{" + many + "}"
        for path, head, most in (
            ("/v1/groups/{group_id}/members", '{"members":[', 1000),
            ("/v1/recipients", '{"email":"a@b.co","preferences":[', 500),
        ):
            content = head + ",".join([one] * most) + "]}"
            assert (await attacked.send("POST", path, content.encode())).status_code in (413, 422)
        locales = ",".join(f'"es-{n:03}":{one}' for n in range(100))
        content = '{"contents":{"email":{' + locales + "}}}"
        assert (await attacked.send("POST", "/v1/template-previews", content.encode())).status_code == 422


async def test_every_route_with_every_body(attacked: Attacked) -> None:
    texts = list(hostile(OCTETS).values())
    turn = count()
    tried = 0
    for method, path, example, fields in attacked.bodies():
        array = isinstance(example, list)
        one = example[0] if array else example
        bodies = list(texts)
        for name in fields:
            rest = json.dumps({key: value for key, value in one.items() if key != name})[1:]
            for _ in range(2):
                body = f'{{"{name}":{texts[next(turn) % len(texts)]}{"," if len(rest) > 1 else ""}{rest}'
                bodies.append(f"[{body}]" if array else body)
        for body in bodies:
            await attacked.send(method, path, body.encode())
            tried += 1
    assert tried > 500


async def test_bulk_requests_full_of_flaws(attacked: Attacked) -> None:
    for item in (
        "{}",
        "1",
        '{"to":{"email":"a@b.co"},' + ",".join(f'"{n:x}":1' for n in range(90)) + "}",
        '{"data":[' + ",".join(['"\\u0000"'] * 60) + "]}",
        '{"data":{' + ",".join(f'"{n}":{{}}' for n in range(80)) + "}}",
        '{"a":' * 90 + "1" + "}" * 90,
        '{"to":{"email":"a@b.co"},"subject":"s","body_text":"' + "x" * 900 + '"}',
    ):
        most = min(10_000, 10 * MIB // (len(item) + 1) - 1)
        for content, kind in (
            ("[" + ",".join([item] * most) + "]", "application/json"),
            ("\n".join([item] * most), "application/x-ndjson"),
        ):
            answer = await attacked.send("POST", BULK, content.encode(), **{"content-type": kind})
            assert len(answer.content) <= max(2 * MIB, 2 * len(content)), (item[:50], len(answer.content))
    for content in ("1\n" * 5 * MIB, "\n" * 10 * MIB, "[" + "1," * (5 * MIB - 2) + "1]"):
        kind = "application/json" if content[0] == "[" else "application/x-ndjson"
        await attacked.send("POST", BULK, content.encode(), **{"content-type": kind})


async def test_every_query(attacked: Attacked) -> None:
    queries = (
        "&".join(f"a{n}=1" for n in range(8_000)),
        "a" * 60_000 + "=1",
        "status=" + "%00" * 20_000,
        "%ff=1&" * 9_000,
    )
    for path, operations in attacked.paths.items():
        if "get" in operations:
            for query in queries:
                url = path.format(**attacked.ids) + "?" + query
                memory = Memory(attacked.pid)
                answer = await attacked.http.get(url)
                assert answer.status_code < 500, (path, query[:20])
                assert len(answer.content) <= LONGEST_ANSWER or answer.is_success, (path, query[:20])
                assert memory.mebibytes() <= 9, (path, query[:20])
