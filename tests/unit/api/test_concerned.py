"""From a bulk action to the messages it is about."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from hermodr_api.console.concerned import _NAMES, concerned
from hermodr_api.console.messages import chosen
from hermodr_ledger.jobs import bulk_actions
from hermodr_ledger.jobs.bulk_actions import MAY_BE, ActionKind, BulkAction
from hermodr_servicekit.ids import new_id

AT = datetime(2026, 11, 30, 9, tzinfo=UTC)


def action(kind: ActionKind, **filter: Any) -> BulkAction:
    states = ["failed"] if kind == "retry" else [str(each) for each in MAY_BE["cancel"]]
    document = {"states": states, **filter}
    return BulkAction(new_id(), kind, "key", "k", document, 1, False, 1, {}, "done", AT, AT)


def test_a_retry_leads_to_what_became_of_the_messages() -> None:
    found = concerned(action("retry", type="invoice", created_before="2026-11-30T09:00:00.000001Z"))
    whole, completed, skipped, still = found.values()
    assert whole == {"type": "invoice", "before": "2026-11-30T09:00:00.001"}
    ended = (completed["status"], skipped["status"], still["status"])
    assert ended == ("completed", "skipped", "failed")


def test_a_cancellation_leads_to_what_is_cancelled() -> None:
    *_, cancelled = concerned(action("cancel", address="ada@example.com", recipient_id="r")).values()
    assert cancelled == {"search": "ada@example.com", "recipient": "r", "status": "cancelled"}


@pytest.mark.parametrize("filter", [{"address": None}, {"delivery_state": "failed", "reported": "opened"}])
def test_it_leads_nowhere_rather_than_to_others(filter: dict[str, Any]) -> None:
    assert concerned(action("retry", type="invoice", **filter)) == {}


def test_what_changes_as_a_message_is_sent_again_hides_nothing() -> None:
    found = concerned(action("retry", type="invoice", delivery_state="bounced", error="smtp_550"))
    completed, skipped, still = found.values()
    assert completed == {"type": "invoice", "status": "completed"}
    assert skipped == {"type": "invoice", "status": "skipped"}
    assert still == {"type": "invoice", "delivery": "bounced", "error": "smtp_550", "status": "failed"}


def test_every_filter_has_its_field() -> None:
    assert set(_NAMES) == set(bulk_actions._NARROWING)
    assert set(_NAMES.values()) <= chosen().keys()
    assert set(get_args(ActionKind)) == {"retry", "cancel"}
