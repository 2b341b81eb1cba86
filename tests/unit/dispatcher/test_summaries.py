"""Summaries of digests: whatever the server does, the digest goes on."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from hermodr_dispatcher import summaries
from hermodr_dispatcher.summaries import LONGEST_SUMMARY, Summaries, shortened, told
from hermodr_ledger.digests.choosing import Answered, Contents, Posted

URL = "https://llm.example.com/v1"


def posted(title: str | None, text: str | None = None, **changes: Any) -> Posted:
    given: dict[str, Any] = {
        "id": uuid4(),
        "content_type": "text",
        "title": title,
        "text": text,
        "cut": False,
        "url": "https://secret.example/x",
        "author_id": uuid4(),
        "author": "John",
        "posted_at": datetime(2026, 11, 22, tzinfo=UTC),
    }
    return Posted(**given | changes)


CONTENTS = Contents(
    uuid4(), "Mia", "de-AT", "Europe/Vienna", [posted("First steps", "Across the kitchen")], 0
)


def saying(text: object) -> httpx.Response:
    return httpx.Response(200, json={"choices": [{"message": {"role": "assistant", "content": text}}]})


async def answered(answer: Callable[[httpx.Request], httpx.Response], key: str | None = "sk-1") -> Answered:
    asked = Summaries(URL, key, "small", transport=httpx.MockTransport(answer))
    try:
        return await asked.of(CONTENTS)
    finally:
        await asked.close()


async def test_it_asks_for_a_summary_in_the_readers_language() -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return saying("Mia  hat\nlaufen gelernt.")

    assert await answered(answer) == Answered("Mia hat laufen gelernt.", None)
    (request,) = requests
    assert str(request.url) == f"{URL}/chat/completions"
    assert request.headers["authorization"] == "Bearer sk-1"
    body = json.loads(request.content)
    assert body["model"] == "small"
    assert "de-AT" in body["messages"][0]["content"]
    assert "text by John: First steps – Across the kitchen" in body["messages"][1]["content"]


async def test_without_a_key_none_is_sent() -> None:
    seen: list[bool] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append("authorization" in request.headers)
        return saying("Hi.")

    await answered(answer, key=None)
    assert seen == [False]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(500), "http_500"),
        (httpx.Response(302, headers={"location": "https://elsewhere.example"}), "http_302"),
        (httpx.Response(200, content=b"<html>"), "bad_answer"),
        (httpx.Response(200, json={"choices": []}), "bad_answer"),
        (httpx.Response(200, json=[1]), "bad_answer"),
        (httpx.Response(200, content=b"x" * 300_000), "bad_answer"),
        (saying(None), "bad_answer"),
        (saying(" \n "), "bad_answer"),
        (httpx.ConnectError("no"), "no_answer"),
        (httpx.ReadTimeout("slow"), "timeout"),
    ],
)
async def test_what_goes_wrong_is_a_word(answer: httpx.Response | Exception, reason: str) -> None:
    def handle(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await answered(handle) == Answered(None, reason)


async def test_it_is_bounded_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summaries, "SECONDS", 0.02)

    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    asked = Summaries(URL, None, "small", transport=httpx.MockTransport(never))
    found = await asyncio.gather(*(asked.of(CONTENTS) for _ in range(20)))
    assert set(found) == {Answered(None, "timeout")}
    await asked.close()


def test_addresses_links_and_numbers_are_not_told() -> None:
    text = told(
        "Mia",
        [
            posted(
                "Write to ada@example.com", "or call +43 660 123 45 67, see https://secret.example/login?t=1"
            ),
            posted(None, "x" * 5_000),
            *(posted(f"Number {each}") for each in range(50)),
        ],
    )
    for secret in ("ada@", "660", "secret.example", "login"):
        assert secret not in text
    assert "Write to" in text
    assert len(text.splitlines()) == 31
    assert max(map(len, text.splitlines())) < 350


def test_a_summary_is_one_line_of_words() -> None:
    assert shortened("a\x00b\ud800 c") == "a b c"
    long = shortened("word " * 1_000)
    assert len(long) <= LONGEST_SUMMARY
    assert long.endswith("word…")
    assert len(shortened("x" * 1_000)) <= LONGEST_SUMMARY
