"""Who publishes what: the table of flows against the calls in the code."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

from hermodr_contracts.channels import CHANNELS
from hermodr_contracts.messages import (
    MESSAGES,
    CancelRequested,
    DeliveriesChanged,
    InboxChanged,
    JobsChanged,
    JobsRequested,
    Message,
    ProjectsChanged,
    RunTasks,
    SendEmails,
    SendSms,
    SendWebhooks,
    TaskProgressed,
)
from hermodr_contracts.topology import FLOWS, PLANNED_SERVICES, Flow
from tests.contracts.test_topology import BUILT, DESIGNED

ROOT = Path(__file__).parents[2]


def test_every_message_is_in_the_table_of_flows_once_with_known_services() -> None:
    assert sorted(flow.message.type_name() for flow in FLOWS) == sorted(name for name, _ in MESSAGES)
    for flow in FLOWS:
        assert flow.publishers
        assert set(flow.publishers) | set(flow.consumers) <= DESIGNED


def calls_of(path: Path) -> Iterator[str]:
    """`announcer.jobs` for `self._announcer.jobs(…)`: every method call, by its last two names."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = getattr(owner, "attr", getattr(owner, "id", ""))
            yield f"{name.lstrip('_')}.{node.func.attr}"


def names_in(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    return {node.id for node in nodes if isinstance(node, ast.Name)} | {
        node.attr for node in nodes if isinstance(node, ast.Attribute)
    }


def code_of(folder: Path) -> Iterator[Path]:
    return (folder / "src").rglob("*.py")


def sources_of(folder: Path) -> set[Path]:
    """The code of a package and of its libraries, without what every process has for publishing."""
    found: set[Path] = set()
    waiting = [folder]
    while waiting:
        found.add(here := waiting.pop())
        needed = tomllib.loads((here / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
        libraries = {ROOT / "libs" / each.removeprefix("hermodr-") for each in needed}
        waiting += [each for each in libraries if each.exists() and each not in found | EVERYWHERE]
    return {path for each in found for path in code_of(each)}


RINGS: dict[type[Message], str] = {
    JobsRequested: "announcer.jobs",
    SendEmails: "announcer.deliveries",
    SendSms: "announcer.deliveries",
    SendWebhooks: "announcer.deliveries",
    RunTasks: "calls.run",
    CancelRequested: "calls.cancel",
    TaskProgressed: "calls.progressed",
}
"""How each command that somebody reads by now is published."""
EVENTS: frozenset[type[Message]] = frozenset((JobsChanged, DeliveriesChanged, ProjectsChanged))
"""What `events` publishes for whoever has a ledger with a listener."""
OF_SOME = frozenset({InboxChanged})
"""What it publishes for those whose statements bring such news."""
LIBRARIES = {path.parent for path in (ROOT / "libs").glob("*/pyproject.toml")}
SERVICES = {path.parent for path in (ROOT / "services").glob("*/pyproject.toml")}
EVERYWHERE = {ROOT / "libs/contracts", ROOT / "libs/servicekit"}
PROGRAMS = SERVICES | {ROOT / "libs/cli", ROOT / "libs/devkit"}
PUBLISHING = {
    ROOT / f"libs/servicekit/src/hermodr_servicekit/{name}.py"
    for name in ("announcer", "events", "task_calls")
}


def live_flows() -> dict[type[Message], Flow]:
    return {flow.message: flow for flow in FLOWS if not set(flow.consumers) <= PLANNED_SERVICES}


def test_the_commands_that_somebody_reads_are_published_by_exactly_those_the_table_names() -> None:
    live = {message: flow for message, flow in live_flows().items() if message not in EVENTS | OF_SOME}
    assert set(live) == set(RINGS)
    calls = {
        program.name: {call for path in sources_of(program) for call in calls_of(path)}
        for program in PROGRAMS
    }
    for message, flow in live.items():
        publishers = {name for name, called in calls.items() if RINGS[message] in called}
        publishers -= {each.service for each in CHANNELS.values() if each.command not in (None, message)}
        assert publishers == set(flow.publishers) & BUILT, message.type_name()


def test_events_are_published_by_exactly_those_the_table_names() -> None:
    """By every service that has a ledger: `LedgerService` hands it a listener."""
    live = live_flows()
    assert set(live) == {*RINGS, *EVENTS, *OF_SOME}
    telling = {
        service.name
        for service in SERVICES
        if any(
            names_in(path) & {"LedgerService", "Worker", "Sender"}
            for path in (service / "src").rglob("app.py")
        )
    }
    for event in EVENTS:
        assert telling == set(live[event].publishers) & BUILT, event.type_name()


def test_a_library_that_publishes_is_one_of_senders() -> None:
    """Any other would make publishers of services that the table does not name."""
    publishing = {
        library.name
        for library in LIBRARIES - EVERYWHERE
        if any(call in RINGS.values() for path in code_of(library) for call in calls_of(path))
    }
    assert publishing == {"delivery"}


def test_nobody_publishes_past_the_announcer() -> None:
    """Otherwise the calls above would not tell who publishes. The doctor tries a queue of its own; the scheduler
    replays messages of a dead queue."""
    found = {
        call
        for package in (LIBRARIES | SERVICES) - EVERYWHERE
        for path in code_of(package)
        for call in calls_of(path)
        if call.endswith((".publish", ".publish_raw"))
    }
    assert found == {"default_exchange.publish", "broker.publish_raw"}


def test_a_message_whose_readers_are_not_built_yet_is_published_by_nobody() -> None:
    """It would be unroutable, or pile up."""
    waiting = {flow.message.__name__ for flow in FLOWS if set(flow.consumers) <= PLANNED_SERVICES}
    for package in (LIBRARIES | SERVICES) - {ROOT / "libs/contracts"}:
        for path in code_of(package):
            assert path in PUBLISHING or not names_in(path) & waiting, path
