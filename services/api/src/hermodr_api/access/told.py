"""What end users are told of the details of events: what is named here. A new event tells nothing by accident."""

from collections.abc import Mapping
from typing import Any

_OF_THE_JOB = {
    "kind",
    "type",
    "priority",
    "batch_id",
    "schedule_id",
    "expires_at",
    "max_retries",
    "by",
    "job_id",
}
_OF_ITS_TIME = {
    "scheduled_for",
    "until",
    "window_id",
    "was",
    "ended_at",
    "at",
    "total",
    "items",
    "updates",
    "more",
}
_OF_DECISIONS = {
    "channel",
    "template",
    "template_version",
    "locale",
    "critical",
    "wish",
    "cap",
    "suppression",
}
_OF_ATTEMPTS = {"number", "provider", "outcome", "code", "started_at", "resolved_as", "proof", "automatic"}
_OF_ENDINGS = {"state", "reason", "error", "segments", "encoding", "country"}
TOLD = frozenset(_OF_THE_JOB | _OF_ITS_TIME | _OF_DECISIONS | _OF_ATTEMPTS | _OF_ENDINGS)


def told(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in detail.items() if name in TOLD}
