"""`send_many`: what is put into one request, what is rejected, and how far a call came that ended early."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hermodr_client import BulkInterrupted, Unauthenticated
from tests.support.client import ACCEPTED, Either, Scripted, json_answer, problem

JOB = ACCEPTED["job_id"]


def bulk_answer(request: httpx.Request) -> httpx.Response:
    lines = request.content.splitlines()
    bad = [i for i, line in enumerate(lines) if b"bad" in line]
    rejected = [{"index": i, "errors": [{"loc": ["to"], "msg": "no"}]} for i in bad]
    known = [{"index": i, "job_id": JOB} for i, line in enumerate(lines) if b"known" in line]
    counted = {"accepted": len(lines) - len(bad), "rejected": rejected, "replayed": known}
    return json_answer({"batch_id": JOB} | counted, 202)


def test_many_are_sent_in_requests_of_ten_thousand(either: Either) -> None:
    server = Scripted([bulk_answer])
    odd = {15_000: "bad", 12_345: "known"}
    items = ({"to": f"{odd.get(i, 'a')}{i}@b.c", "type": "x"} for i in range(20_001))
    result = either.call(server, lambda h: h.send_many(items, idempotency_key="k"))
    assert [request.content.count(b"\n") for request in server.requests] == [10_000, 10_000, 1]
    assert server.keys == ["k.0", "k.1", "k.2"]
    assert result.accepted == 20_000
    assert len(result.batches) == 3
    assert [each.index for each in result.rejected] == [15_000]
    assert [(each.index, str(each.job_id)) for each in result.replayed] == [(12_345, JOB)]
    assert server.requests[0].headers["content-type"] == "application/x-ndjson"


def test_many_large_ones_are_sent_in_requests_of_ten_mebibytes(either: Either) -> None:
    server = Scripted([bulk_answer])
    text = "x" * 3_000_000
    either.call(server, lambda h: h.send_many([{"to": "a@b.c", "body_text": text, "subject": "s"}] * 7))
    assert [request.content.count(b"\n") for request in server.requests] == [3, 3, 1]
    assert max(len(request.content) for request in server.requests) <= 10 * 1024 * 1024


def test_many_of_none_are_no_request(either: Either) -> None:
    server = Scripted([bulk_answer])
    assert either.call(server, lambda h: h.send_many([])).batches == []
    assert server.requests == []


def test_an_interrupted_bulk_says_how_far_it_came(either: Either) -> None:
    server = Scripted([bulk_answer, problem(401)])
    items = [{"to": "a@b.c", "type": "x"}] * 10_001
    with pytest.raises(BulkInterrupted) as caught:
        either.call(server, lambda h: h.send_many(items))
    assert caught.value.sent.accepted == 10_000
    assert server.keys == [f"{caught.value.key}.0", f"{caught.value.key}.1"]
    assert isinstance(caught.value.__cause__, Unauthenticated)


def test_an_item_that_no_request_can_carry_is_rejected_and_refuses_no_others(either: Either) -> None:
    server = Scripted([bulk_answer])
    good = {"to": "a@b.c", "type": "x"}
    circle: dict[str, Any] = {}
    circle["itself"] = circle
    bad = [
        {"type": "x"},
        good | {"to": "ada"},
        good | {"data": circle},
        good | {"body_text": "x" * 11_000_000},
    ]
    items = [bad[0], *[good] * 10_000, *bad[1:], {"to": "bad@b.c"}, good, None, bad[0]]
    result = either.call(server, lambda h: h.send_many(items, idempotency_key="k", job_ids=True))
    assert server.keys == ["k.0", "k.1"]
    assert result.accepted == 10_001
    assert [each.index for each in result.rejected] == [0, 10_001, 10_002, 10_003, 10_004, 10_006, 10_007]
    said = [str(each.errors[0]) for each in result.rejected]
    assert said[0] == "has no `to`"
    assert said[1].startswith("to: a text is an address")
    assert said[3] == "is larger than a request may be (10 MiB)"
    assert len(result.job_ids) == len(items)
    assert either.call(server, lambda h: h.send_many([bad[0]])).batches == []
    assert len(server.requests) == 2


def test_many_that_cannot_be_read_to_their_end_say_what_was_sent(either: Either) -> None:
    server = Scripted([bulk_answer])

    def items(count: int) -> Iterator[dict[str, str]]:
        yield from [{"to": "a@b.c", "type": "x"}] * count
        raise OSError("the table is gone")

    with pytest.raises(OSError, match="the table is gone"):
        either.call(server, lambda h: h.send_many(items(5)))
    assert server.requests == []
    with pytest.raises(BulkInterrupted) as caught:
        either.call(server, lambda h: h.send_many(items(10_005)))
    assert caught.value.sent.accepted == 10_000
    assert server.keys == [f"{caught.value.key}.0"]
    assert isinstance(caught.value.__cause__, OSError)
