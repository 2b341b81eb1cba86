"""What an answer means for a message."""

import pytest

from hermodr_contracts.ladder import parse_ladder
from hermodr_webhook_sender.domain import Answer, Settlement, settle

LADDER = parse_ladder("5s,1m,5m")


@pytest.mark.parametrize(
    ("answer", "step", "wanted"),
    [
        (Answer(200), 0, Settlement("delivered", "delivered")),
        (Answer(299), 3, Settlement("delivered", "delivered")),
        (Answer(199), 0, Settlement("failed", "waiting", "status", 5.0)),
        (Answer(302), 0, Settlement("failed", "waiting", "redirect", 5.0)),
        (Answer(404), 1, Settlement("failed", "waiting", "status", 60.0)),
        (Answer(500), 2, Settlement("failed", "waiting", "status", 300.0)),
        (Answer(500), 3, Settlement("failed", "failed", "status")),
        (Answer(500), 9, Settlement("failed", "failed", "status")),
        (Answer(410), 0, Settlement("gone", "failed", "status")),
        (Answer(error="timeout"), 0, Settlement("failed", "waiting", "timeout", 5.0)),
        (Answer(error="forbidden_address"), 3, Settlement("failed", "failed", "forbidden_address")),
        (Answer(429), 0, Settlement("throttled", "waiting", "status", 5.0)),
        (Answer(429, retry_after=90.0), 0, Settlement("throttled", "waiting", "status", 90.0)),
        (Answer(429, retry_after=1.0), 1, Settlement("throttled", "waiting", "status", 60.0)),
        (Answer(503, retry_after=1e9), 0, Settlement("failed", "waiting", "status", 86400.0)),
        (Answer(500, retry_after=90.0), 0, Settlement("failed", "waiting", "status", 5.0)),
        (Answer(429, retry_after=90.0), 3, Settlement("throttled", "failed", "status")),
    ],
    ids=lambda each: f"{each.status or each.error}" if isinstance(each, Answer) else "",
)
def test_what_an_answer_means(answer: Answer, step: int, wanted: Settlement) -> None:
    assert settle(answer, step, LADDER) == wanted
