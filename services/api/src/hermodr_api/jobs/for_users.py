"""What end users see of their jobs: how these fare, and nothing of what the application says in them. A token that was
stolen shows neither the link of a password reset, nor whom else a mail went to."""

from collections.abc import Mapping
from typing import Any

from hermodr_api.jobs.models import JobHistoryView, JobView, Timeline
from hermodr_ledger.jobs.reading import JobHistory

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
"""Of the details of events. What is not named here is not told, so that a new event tells nothing by accident."""


def conceal(job: JobView) -> None:
    """Names that the application gave it, and what it noted."""
    job.metadata, job.singleton_key, job.cancel_key = {}, None, None


def conceal_history(shown: JobHistoryView, history: JobHistory) -> None:
    """Addresses stay if they are the user's: the recipient may have been given to somebody else."""
    conceal(shown.job)
    shown.envelope, shown.attachments = None, []
    for attempt in shown.delivery_logs:
        attempt.detail, attempt.measured = None, told(attempt.measured)
    if history.recipient is None:
        shown.recipient = None
        for delivery in shown.deliveries:
            delivery.address, delivery.address_name = "", None


def conceal_details(shown: Timeline) -> None:
    for entry in shown.data:
        entry.detail = told(entry.detail)


def told(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in detail.items() if name in TOLD}
