"""Columns that roles may update or read: nobody makes a row another project's or another row's, or sends it
elsewhere."""

from collections.abc import Mapping

from hermodr_ledger.tables import metadata

_PROGRESS_OF_JOBS = (
    "announcements",
    "deferred_until",
    "error",
    "finished_at",
    "open_deliveries",
    "processed_at",
    "requeues",
    "result",
    "scheduled_for",
    "sent_deliveries",
    "state",
    "unannounced",
    "wake_at",
)
_CONTENT_OF_JOBS = (
    "cancel_key",
    "content",
    "data",
    "digest",
    "envelope",
    "metadata",
    "owner_id",
    "singleton_key",
    "to_email",
    "to_locale",
    "to_name",
    "to_phone",
)
"""To be blanked when a person is erased; of digests and joined jobs the data is written later."""
_SENT = (
    "announcements",
    "error",
    "finished_at",
    "open_deliveries",
    "sent_deliveries",
    "state",
    "unannounced",
    "wake_at",
)
_RUN = (
    "announcements",
    "error",
    "finished_at",
    "processed_at",
    "result",
    "state",
    "unannounced",
    "wake_at",
)
_PROGRESS_OF_DELIVERIES = (
    "announcements",
    "attempt",
    "claimed_at",
    "claimed_by",
    "due_at",
    "earlier_attempts",
    "error",
    "finished_at",
    "lease_until",
    "max_attempts",
    "maybe_accepted_by",
    "provider",
    "provider_message_id",
    "refused_by",
    "state",
    "unannounced",
    "unknown_since",
    "wake_at",
)
_DECIDED_AGAIN = (
    "address",
    "address_name",
    "copies",
    "locale",
    "on_unknown",
    "recipient",
    "template_id",
    "template_version",
)
"""When a job is retried, and blanked when a person is erased."""
_OUTCOME = (
    "code",
    "detail",
    "finished_at",
    "outcome",
    "proof",
    "provider",
    "provider_message_id",
    "resolved_as",
)
_IMPORTED = (
    *("user_id", "name", "email", "phone", "locale", "timezone", "relationship", "attributes", "webhook_url"),
    "updated_at",
)
"""Of a recipient: not their wishes."""
_DISABLING = ("failing_since", "disabled_at", "disabled_reason", "updated_at")

_BOUNCED = ("address", "delivery_id", "expires_at", "reason", "updated_at", "wake_at")
"""Of a suppression: what it suppresses, its hash, stays."""
_TURN_OF_WEBHOOKS = ("attempt", "due_at", "finished_at", "lease_until", "owner", "state")
"""Of a webhook's message: not what it says, nor to whom."""

_SENDERS = ("email_sender", "sms_sender", "webhook_channel")

COLUMNS: Mapping[tuple[str, str], tuple[str, ...]] = {
    **{(role, "jobs"): _PROGRESS_OF_JOBS + _CONTENT_OF_JOBS for role in ("api", "dispatcher")},
    ("scheduler", "jobs"): (*_PROGRESS_OF_JOBS, "data"),
    ("worker", "jobs"): _RUN,
    **{(role, "jobs"): _SENT for role in _SENDERS},
    **{
        (role, "deliveries"): _PROGRESS_OF_DELIVERIES + _DECIDED_AGAIN
        for role in ("api", "dispatcher", "scheduler")
    },
    **{(role, "deliveries"): _PROGRESS_OF_DELIVERIES for role in _SENDERS},
    **{(role, "attempts"): _OUTCOME for role in ("api", "scheduler", *_SENDERS)},
    **{(role, "dead_letters"): ("replayed_at",) for role in _SENDERS},
    **{(role, "suppressions"): _BOUNCED for role in _SENDERS},
    **{(role, "webhook_messages"): _TURN_OF_WEBHOOKS for role in ("webhook_channel", "webhook_sender")},
    ("dispatcher", "recipients"): (
        "updated_at",
    ),  # to lock the row, which takes the right to update something
    ("worker", "recipients"): _IMPORTED,
    **{
        (role, "webhook_endpoints"): _DISABLING for role in ("scheduler", "webhook_channel", "webhook_sender")
    },
}
"""By role and table, where it is less than `changeable`."""

_RENAMED: Mapping[str, frozenset[str]] = {
    "event_windows": frozenset({"carrier_id"}),
    "groups": frozenset({"external_id"}),
    "pending_addresses": frozenset({"id"}),
    "recipients": frozenset({"external_id", "user_id"}),
    "schedule_runs": frozenset({"batch_id", "job_id"}),
    "schedules": frozenset({"last_batch_id", "last_job_id"}),
    "singletons": frozenset({"job_id"}),
    "stored_until": frozenset({"job_id"}),
    "suppressions": frozenset({"delivery_id"}),
    "updates": frozenset({"author_id", "external_id"}),
    "window_events": frozenset({"window_id"}),
}
"""By table the ids that change: of other systems, and of what a row came to."""


def changeable(table: str) -> tuple[str, ...]:
    """The columns that whoever may update the table may: all but its key, whose it is, and to what it belongs."""
    found = metadata.tables[f"hermodr.{table}"]
    keys = {column.name for column in found.primary_key}
    kept = {name for name in found.columns.keys() if name == "id" or name.endswith("_id")}  # noqa: SIM118
    return tuple(sorted(set(found.columns.keys()) - keys - (kept - _RENAMED.get(table, frozenset()))))


READ: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("scheduler", "connections"): ("id", "project_id", "owner"),
    **{(role, "projects"): ("brand", "id", "name") for role in _SENDERS},
    ("scheduler", "console_sessions"): ("expires_at",),
    ("scheduler", "person_sessions"): ("expires_at",),
}
"""By role and table: columns that a role may read which has no right to the table."""
