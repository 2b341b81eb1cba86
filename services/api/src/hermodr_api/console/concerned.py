"""Which messages a bulk action is about, as filters of the list of messages."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.jobs.bulk_actions import BulkAction

_NAMES = {
    "kind": "kind",
    "type": "type",
    "delivery_method": "channel",
    "recipient_id": "recipient",
    "group_id": "group",
    "batch_id": "batch",
    "cancel_key": "cancel_key",
    "error": "error",
    "delivery_state": "delivery",
    "reported": "delivery",
    "address": "search",
    "created_after": "after",
    "created_before": "before",
}
"""By the names of the API's filters those of the page's."""
_CHANGING = ("delivery_state", "reported", "error")
"""What a message that is sent again may not match any more."""
_BECAME = {"Completed by now": JobState.COMPLETED, "Skipped by now": JobState.SKIPPED}


def concerned(action: BulkAction) -> Mapping[str, Mapping[str, str]]:
    """By what they are, the filters that lead to them; none if the address is forgotten by which they were found, or
    no page has all of the filters."""
    asked = {name: value for name, value in action.filter.items() if name != "states"}
    given = {_NAMES[name]: _shown(name, value) for name, value in asked.items()}
    if None in asked.values() or len(given) < len(asked):
        return {}
    if action.kind == "cancel":
        whole = {} if wider(action) else {"All that match": given}
        return whole | {"Cancelled": {**given, "status": JobState.CANCELLED}}
    was = action.filter["states"][0]
    steady = {_NAMES[name]: given[_NAMES[name]] for name in asked if name not in _CHANGING}
    became = {text: {**steady, "status": state} for text, state in _BECAME.items()}
    still = {f"Still {was}, or {was} again": {**given, "status": was}}
    return ({} if wider(action) else {"All that match": given}) | became | still


def wider(action: BulkAction) -> bool:
    """It was asked for by what sending again changes: what became of the messages is looked for without that."""
    return any(name in action.filter for name in _CHANGING)


def _shown(name: str, value: str) -> str:
    """A moment as its field has it, in UTC; later by up to a millisecond, so that it leaves nothing out."""
    if not name.startswith("created_"):
        return value
    moment = datetime.fromisoformat(value).astimezone(UTC)
    if moment.microsecond % 1000 and name == "created_before":
        moment += timedelta(milliseconds=1)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
