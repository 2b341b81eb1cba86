"""Counting, beginning and awaiting bulk actions."""

import json

import pytest

from hermodr_client import BulkActionUnfinished
from tests.support.client import ACCEPTED, Either, Scripted, json_answer

ID = ACCEPTED["job_id"]
AT = "2026-11-30T09:00:00Z"


def action(status: str, done: int) -> dict[str, object]:
    shown = {"id": ID, "action": "cancel", "status": status, "matched": 3, "done": done, "left": 3 - done}
    return {**shown, "reasons": {"being_sent": 3 - done}, "created_at": AT}


def test_jobs_are_counted_and_then_cancelled(either: Either) -> None:
    server = Scripted([json_answer({"dry_run": True, "matched": 3, "more": False, "at": AT})])
    plan = either.call(server, lambda h: h.bulk_actions.plan("cancel", {"type": "invoice"}))
    assert (plan.matched, plan.more) == (3, False)
    assert json.loads(server.requests[0].content)["dry_run"] is True
    server = Scripted([json_answer(action("running", 0), 202)])
    wanted = {"type": "invoice", "created_before": plan.at}
    begun = either.call(server, lambda h: h.bulk_actions.create("cancel", wanted, idempotency_key="k"))
    assert not begun.finished
    assert json.loads(server.requests[0].content)["filter"]["created_before"] == "2026-11-30T09:00:00+00:00"
    assert server.keys == ["k"]


def test_it_is_waited_for(either: Either) -> None:
    server = Scripted([json_answer(action("running", 1)), json_answer(action("done", 2))])
    found = either.call(server, lambda h: h.bulk_actions.wait(ID, timeout=5))
    assert (found.status, found.reasons) == ("done", {"being_sent": 1})
    server = Scripted([json_answer(action("running", 1))])
    with pytest.raises(BulkActionUnfinished, match=r"still running after 0.05 s \(1 done\)") as caught:
        either.call(server, lambda h: h.bulk_actions.wait(ID, timeout=0.05))
    assert caught.value.last.done == 1
