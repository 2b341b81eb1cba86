"""The schema for Core statements; a test compares it with a migrated database. Only migrations change a database."""

from hermodr_ledger.tables.changes import change_listeners, changes
from hermodr_ledger.tables.columns import metadata
from hermodr_ledger.tables.operating import (
    api_keys,
    audit_log,
    idempotency_keys,
    lane_rates,
    pauses,
    projects,
    provider_limits,
    rate_buckets,
    retry_ladder,
    service_heartbeats,
    set_aside,
)
from hermodr_ledger.tables.people import (
    group_members,
    groups,
    recipients,
    template_contents,
    templates,
    update_reads,
    updates,
)
from hermodr_ledger.tables.work import (
    attempts,
    batches,
    dead_letters,
    deliveries,
    events,
    job_standings,
    jobs,
    singletons,
)

__all__ = [
    "api_keys",
    "attempts",
    "audit_log",
    "batches",
    "change_listeners",
    "changes",
    "dead_letters",
    "deliveries",
    "events",
    "group_members",
    "groups",
    "idempotency_keys",
    "job_standings",
    "jobs",
    "lane_rates",
    "metadata",
    "pauses",
    "projects",
    "provider_budgets",
    "provider_limits",
    "rate_buckets",
    "recipients",
    "retry_ladder",
    "service_heartbeats",
    "set_aside",
    "singletons",
    "template_contents",
    "templates",
    "update_reads",
    "updates",
]
