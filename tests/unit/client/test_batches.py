"""Waiting for batches, and the jobs of their items."""

import pytest

from hermodr_client import BatchUnfinished
from tests.support.client import ACCEPTED, Either, Scripted, json_answer

BATCH = "01a2018c-e359-7702-8eb3-8dd0fbf20001"
JOB = ACCEPTED["job_id"]


def batch(finished: bool, **counts: int) -> dict[str, object]:
    return {"batch_id": BATCH, "accepted": 3, "rejected": 0, "counts": counts, "finished": finished}


def test_a_batch_is_waited_for(either: Either) -> None:
    server = Scripted(
        [json_answer(batch(False, queued=2, completed=1)), json_answer(batch(True, completed=2, failed=1))]
    )
    found = either.call(server, lambda h: h.batches.wait(BATCH, timeout=5))
    assert found.counts == {"completed": 2, "failed": 1}
    assert [str(request.url.path) for request in server.requests] == [f"/v1/batches/{BATCH}"] * 2


def test_waiting_for_a_batch_has_an_end(either: Either) -> None:
    server = Scripted([json_answer(batch(False, queued=2, completed=1))])
    with pytest.raises(BatchUnfinished, match=r"after 0.05 s \(2 queued, 1 completed\)") as caught:
        either.call(server, lambda h: h.batches.wait(BATCH, timeout=0.05))
    assert caught.value.last.counts == {"queued": 2, "completed": 1}


def test_the_jobs_of_items_are_told_when_asked_for(either: Either) -> None:
    answer = {
        "batch_id": BATCH,
        "accepted": 1,
        "rejected": [{"index": 0, "errors": []}],
        "job_ids": [None, JOB],
    }
    server = Scripted([json_answer(answer, 202)])
    items = [{"to": "a@b.co", "subject": "x", "body_text": "x"}] * 2
    result = either.call(server, lambda h: h.send_many(items, job_ids=True))
    assert list(map(str, result.job_ids)) == ["None", JOB]
    assert server.requests[0].url.params["include"] == "job_ids"
    either.call(server, lambda h: h.send_many(items))
    assert not server.requests[1].url.params
