"""Problem documents, and what the outermost layer makes of failures."""

import orjson
import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from hermodr_api.errors import CONFLICT, KINDS, Flaw, Refused, invalid
from hermodr_api.http.edge import Edge
from hermodr_api.http.problems import REQUEST_ID, respond
from hermodr_ledger.engine import LedgerUnavailable


def _scope(path: str = "/x", headers: tuple[tuple[bytes, bytes], ...] = ()) -> Scope:
    return {"type": "http", "method": "GET", "path": path, "headers": list(headers), "query_string": b""}


async def _nothing() -> Message:
    return {"type": "http.request", "body": b""}


async def _call(edge: Edge, scope: Scope) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await edge(scope, _nothing, send)
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(each.get("body", b"") for each in sent[1:])


async def _broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ValueError("the password is hunter2")


def test_a_problem_has_all_its_members() -> None:
    refused = Refused(CONFLICT, "no", [Flaw(("body", "a", 0), "bad")], {"retry-after": "1"}, {"job_id": "7"})
    response = respond(refused, {REQUEST_ID: "r-1"})
    assert response.status_code == 409
    assert response.headers["retry-after"] == "1"
    assert response.media_type == "application/problem+json"
    assert orjson.loads(bytes(response.body)) == {
        "type": "urn:hermodr:problem:conflict",
        "title": CONFLICT.title,
        "status": 409,
        "detail": "no",
        "errors": [{"loc": ["body", "a", 0], "msg": "bad"}],
        "request_id": "r-1",
        "job_id": "7",
    }


def test_kinds_have_names_of_their_own() -> None:
    assert len({kind.slug for kind in KINDS}) == len(KINDS)


def test_the_detail_names_the_first_flaw_and_counts_the_others() -> None:
    refused = invalid(Flaw(("body", "a"), "bad"), Flaw(("body", "b"), "worse"))
    assert refused.detail == "body.a: bad (and 1 more)"


async def test_a_failure_is_a_problem_without_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    edge = Edge(_broken, CollectorRegistry(), {})
    status, headers, body = await _call(edge, _scope())
    assert status == 500
    assert orjson.loads(body)["request_id"].encode() == headers[b"x-request-id"]
    assert b"hunter2" not in body
    assert "hunter2" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "echoed"),
    [(b"abc-1", True), (b"a b", False), (b"x" * 129, False), (b"", False), (b"a\r\nb", False)],
)
async def test_a_sane_request_id_is_kept(given: bytes, echoed: bool) -> None:
    edge = Edge(_broken, CollectorRegistry(), {})
    _, headers, _ = await _call(edge, _scope(headers=((b"x-request-id", given),)))
    assert (headers[b"x-request-id"] == given) == echoed


async def test_shortcuts_speak_in_problems_too() -> None:
    async def refuse(_request: Request) -> Response:
        raise invalid(Flaw(("body",), "bad"))

    async def unavailable(_request: Request) -> Response:
        raise LedgerUnavailable("gone")

    edge = Edge(_broken, CollectorRegistry(), {("GET", "/a"): refuse, ("GET", "/b"): unavailable})
    assert (await _call(edge, _scope("/a")))[0] == 422
    status, headers, _ = await _call(edge, _scope("/b"))
    assert (status, headers[b"retry-after"]) == (503, b"2")


async def test_made_up_methods_and_paths_make_no_new_series() -> None:
    registry = CollectorRegistry()
    edge = Edge(_broken, registry, {})
    for number in range(5):
        await _call(edge, {**_scope(f"/{number}"), "method": f"M{number}"})
    counts = [
        sample
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "hermodr_http_request_seconds_count"
    ]
    assert [sample.value for sample in counts] == [5]


@pytest.mark.parametrize(
    "name", ["a", "k" * 100_000, "\x01" * 500, "\0" * 500, "😀" * 500, "\ud800" * 500, '"' * 500]
)
def test_a_problem_has_64_kib_whatever_is_wrong(name: str) -> None:
    flaws = [
        Flaw(("body", *[name] * depth, n), "is wrong: " + name[:900]) for n in range(400) for depth in (1, 90)
    ]
    flaws = [Flaw(each.loc, each.msg.encode("utf-8", "replace").decode()) for each in flaws]
    body = bytes(respond(invalid(*flaws), {}).body)
    assert len(body) <= 64 * 1024
    errors = orjson.loads(body)["errors"]
    assert errors[-1]["msg"] == f"and {800 - len(errors) + 1} more"
    assert 1 < len(errors) <= 101


def test_what_is_known_to_be_more_is_told_so() -> None:
    refused = invalid(Flaw(("body",), "bad"), more="and 27000 more")
    assert refused.detail == "body: bad (and 27000 more)"
    assert orjson.loads(bytes(respond(refused, {}).body))["errors"][-1] == {
        "loc": [],
        "msg": "and 27000 more",
    }
