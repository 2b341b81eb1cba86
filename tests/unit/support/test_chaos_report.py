"""What a run of chaos proves, and when it proves nothing."""

import asyncio
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.chaos.faults import Fault
from tests.chaos.lags import Lags, Late
from tests.chaos.report import Felt, Report, Verdict, document, show
from tests.chaos.skew import Skew
from tests.support.invariants import Answer, Asked, Facts, JobFacts

CALM, BUSY = Late(0.1, 0.2), Late(3.5, 4.0)
ASKED = [Asked("ann@example.org", Answer.ACCEPTED, "j1")]


def report(status: str, mails: int, late: Late, *complaints: str) -> Report:
    facts = Facts(ASKED, {"j1": JobFacts("j1", status)}, {}, {"ann@example.org": ["j1"] * mails})
    return Report(7, 60.0, facts, complaints=list(complaints), late={"the wires": late})


@pytest.mark.parametrize(
    ("status", "mails", "late", "verdict"),
    [
        ("completed", 1, CALM, Verdict.SOUND),
        ("completed", 1, BUSY, Verdict.SOUND),
        ("queued", 0, CALM, Verdict.UNSOUND),
        ("queued", 0, BUSY, Verdict.STARVED),
        ("failed", 0, BUSY, Verdict.STARVED),
        ("completed", 0, BUSY, Verdict.UNSOUND),
        ("completed", 2, BUSY, Verdict.UNSOUND),
    ],
)
def test_a_busy_machine_excuses_what_is_late_and_nothing_else(
    status: str, mails: int, late: Late, verdict: Verdict
) -> None:
    assert report(status, mails, late).verdict is verdict


def test_a_complaint_counts_unless_the_machine_was_busy() -> None:
    assert report("completed", 1, CALM, "api ended by itself").verdict is Verdict.UNSOUND
    assert report("completed", 1, BUSY, "api not ready in time").verdict is Verdict.STARVED


def test_often_a_little_late_is_starved_too() -> None:
    assert not Late(0.3, 5.9).starved(60)
    assert Late(0.3, 6.1).starved(60)


def test_both_forms_have_what_happened() -> None:
    found = report("completed", 1, CALM)
    found.felt.append(Felt(Fault(2.0, "kill", "api", 1.0), 2.0, 1.1, 0.25, True))
    found.felt.append(Felt(Fault(9.0, "kill", "api", 1.0), 9.0, 1.1, None, False))
    machine = json.loads(json.dumps(document(found)))
    assert (machine["verdict"], machine["counts"]["delivered once"]) == ("sound", 1)
    assert [each["recovered"] for each in machine["faults"]] == [0.25, None]
    console = Console(width=120, record=True, file=io.StringIO())
    show(console, found)
    text = console.export_text()
    assert "delivered once" in text
    assert "> 60" in text


async def test_a_loop_that_is_held_up_is_late() -> None:
    lags = Lags()
    watching = asyncio.create_task(lags.watch())
    await asyncio.sleep(0)
    held_until = asyncio.get_running_loop().time() + 0.3
    while asyncio.get_running_loop().time() < held_until:
        continue
    await asyncio.sleep(0.01)
    watching.cancel()
    assert 0.15 < lags.late().worst <= lags.late().total


def test_each_service_has_a_clock_of_its_own(tmp_path: Path) -> None:
    skew = Skew(tmp_path, Path("/usr/lib/lib.so"))
    files = [skew.variables(name)["FAKETIME_TIMESTAMP_FILE"] for name in ("api", "scheduler")]
    skew.step("api", -300)
    assert [Path(file).read_text(encoding="ascii") for file in files] == ["-300\n", "+0\n"]
