"""The scenarios besides bulk, by their name for ONLY=."""

from collections.abc import Awaitable, Callable

from tests.benchmarks import (
    console_pages,
    dead_provider,
    digests,
    drift,
    jobs_listing,
    latencies,
    ledgers,
    posts,
    schedules,
    slow_provider,
    sockets,
    sql,
    tasks,
    turns,
    waiting,
    webhooks,
)
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result
from tests.benchmarks.servers import Servers

SCENARIOS: dict[str, Callable[[Servers, Mailbox, bool], Awaitable[list[Result]]]] = {
    "posts": posts.measure,
    "accept": latencies.accept,
    "sent": latencies.sent,
    "scheduled": latencies.scheduled,
    "drift": drift.measure,
    "listing": jobs_listing.measure,
    "console": console_pages.measure,
    "ledgers": ledgers.measure,
    "sql": sql.measure,
    "provider": slow_provider.measure,
    "turns": turns.measure,
    "dead_provider": dead_provider.measure,
    "webhooks": webhooks.measure,
    "waiting": waiting.measure,
    "digests": digests.measure,
    "schedules": schedules.measure,
    "sockets": sockets.measure,
    "tasks": tasks.measure,
}
