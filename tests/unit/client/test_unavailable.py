"""What a `503` says of its cause."""

import httpx
import pytest

from hermodr_client import Unavailable
from tests.support.client import Either, Scripted, problem


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (problem(503, "unavailable", cause="lock"), "lock"),
        (problem(503, "unavailable", cause=7), None),
        (httpx.Response(503, html="<html>Service Unavailable</html>"), None),
    ],
)
def test_what_is_in_the_way_is_told(either: Either, answer: httpx.Response, cause: str | None) -> None:
    with pytest.raises(Unavailable) as caught:
        either.call(Scripted([answer] * 10), lambda h: h.jobs.get("01a20187-12aa-7c41-b0d6-2f9e6a4c0000"))
    assert caught.value.cause == cause
