import io
import json
from datetime import UTC, datetime

from rich.console import Console

from hermodr_cli.doctor import broker, database, patient, providers, report, services
from hermodr_cli.doctor.finding import Area, Finding, State
from hermodr_cli.doctor.run import healthy
from hermodr_contracts.topology import Topology
from hermodr_servicekit.clock import SystemClock

AREA = Area("broker")
GOOD = AREA.ok("reachable", "host:5672")
BAD = AREA.failed("topology", "missing: hermodr.email.dead", "run `hermodr topology apply`")
SO_SO = AREA.warning("dead letters", "3 letters not replayed", "look at them")


def drawn(*findings: Finding) -> str:
    out = io.StringIO()
    Console(file=out, width=120).print(report.table(findings))
    return out.getvalue()


def test_each_finding_has_its_mark_and_its_remedy() -> None:
    text = drawn(GOOD, SO_SO, BAD)
    assert [line.strip()[0] for line in text.splitlines() if line.strip() and line.strip()[0] in "✓!✗→"] == [
        "✓", "!", "→", "✗", "→",
    ]  # fmt: skip
    assert "1 of 3 checks failed, 1 warning\n" in text
    assert "all is well" in drawn(GOOD)


def test_only_failures_are_unhealthy() -> None:
    assert healthy([GOOD, SO_SO])
    assert not healthy([GOOD, BAD])
    document = json.loads(report.document([GOOD, BAD]))
    assert document["healthy"] is False
    assert document["findings"][1] == {
        "area": "broker",
        "check": "topology",
        "state": "failed",
        "text": "missing: hermodr.email.dead",
        "remedy": "run `hermodr topology apply`",
    }


def test_a_checkup_that_cannot_be_run_is_no_verdict_on_the_provider() -> None:
    ((finding,), _) = providers._findings("email", 1, b"", "No module named hermodr_email_sender")
    assert finding.state is State.WARNING


def test_settings_that_cannot_be_are_told_in_their_own_words() -> None:
    complaint = (
        "warming up\nhermodr_email_sender: configuration: HERMODR_EMAIL_PROVIDERS: entry 1 names no host\n"
    )
    ((finding,), _) = providers._findings("email", 2, b"", complaint)
    assert (finding.state, finding.text) == (State.FAILED, "HERMODR_EMAIL_PROVIDERS: entry 1 names no host")


async def test_a_killed_server_of_this_clone_is_started_by_what_works_beside_a_running_up() -> None:
    """`hermodr up` would refuse: it runs already. Either command starts what is down; tried by hand with both."""
    nowhere = "postgresql://u:secret@127.0.0.1:1/x"
    (database_finding,) = await database.examine(nowhere, SystemClock(), patient.START_OWN)
    (broker_finding,) = await broker.examine("amqp://u:secret@127.0.0.1:1/", Topology(), patient.START_OWN)
    for finding, command in ((database_finding, "migrate"), (broker_finding, "topology apply")):
        assert finding.state is State.FAILED
        assert f"`hermodr {command}`" in finding.remedy
        assert "secret" not in finding.text + finding.remedy
    (foreign,) = await database.examine(nowhere, SystemClock())
    assert "hermodr" not in foreign.remedy


def test_who_ended_in_order_left_no_sign_of_life() -> None:
    gone = services._service("api", None, datetime.now(UTC))
    assert gone.text == "does not run: it ended in order, or gave no sign of life within the hour"


def test_a_terminal_without_the_marks_tells_the_states_apart() -> None:
    out = io.StringIO()
    Console(file=out, width=120).print(report.table([GOOD, SO_SO, BAD], ascii_only=True))
    marks = [line.split()[0] for line in out.getvalue().splitlines() if line.strip()]
    assert [mark for mark in marks if mark in ("ok", "!", "XX", "->")] == ["ok", "!", "->", "XX", "->"]
