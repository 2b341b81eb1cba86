"""The pages that the console leads to, in the order and the groups of its menu: a page is added by a line here."""

from collections.abc import Sequence
from typing import NamedTuple

from hermodr_api.console.sessions import Visitor
from hermodr_ledger.access.keys import Scope


class Entry(NamedTuple):
    """`name` is that of the page's template; `letter` leads there after `g`; `scope` is what a key needs to see it."""

    name: str
    path: str
    label: str
    letter: str | None = None
    scope: Scope = "read"


_GROUPS: Sequence[tuple[str, Sequence[Entry]]] = (
    (
        "Now",
        (
            Entry("overview", "/console", "Overview", "o"),
            Entry("messages", "/console/messages", "Messages", "m"),
            Entry("tasks", "/console/tasks", "Tasks", "t"),
        ),
    ),
    (
        "People",
        (
            Entry("recipients", "/console/recipients", "Recipients", "r"),
            Entry("groups", "/console/groups", "Groups", "g"),
            Entry("suppressions", "/console/suppressions", "Suppressions", "x"),
        ),
    ),
    (
        "Content and time",
        (
            Entry("templates", "/console/templates", "Templates", "e"),
            Entry("schedules", "/console/schedules", "Schedules", "s"),
            Entry("digests", "/console/digests", "Digests", "i"),
            Entry("auto_syncs", "/console/auto-syncs", "Auto-syncs", "y"),
        ),
    ),
    (
        "Operation",
        (
            Entry("queues", "/console/queues", "Queues", "q"),
            Entry("dead_letters", "/console/dead-letters", "Dead letters", "d"),
            Entry("actions", "/console/actions", "Bulk actions", "b"),
            Entry("providers", "/console/providers", "Providers", "p"),
            Entry("webhooks", "/console/webhooks", "Webhooks", "w"),
        ),
    ),
    (
        "Administration",
        (
            Entry("project", "/console/project", "Settings", "c"),
            Entry("keys", "/console/keys", "API keys", "k", "admin"),
            Entry("tokens", "/console/tokens", "Users' tokens", "u", "admin"),
            Entry("audit", "/console/audit", "Audit log", "a", "admin"),
        ),
    ),
)


def menu(visitor: Visitor) -> Sequence[tuple[str, Sequence[Entry]]]:
    """What the visitor may see, by group."""
    seen = ((label, [each for each in entries if visitor.may(each.scope)]) for label, entries in _GROUPS)
    return [(label, entries) for label, entries in seen if entries]
