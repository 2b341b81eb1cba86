import io
import json
import shlex
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from hermodr_devkit.demo import report
from hermodr_devkit.demo.clockwork import CLOCKWORK
from hermodr_devkit.demo.desk import DESK
from hermodr_devkit.demo.hooks import HOOKS
from hermodr_devkit.demo.judge import judge
from hermodr_devkit.demo.observe import Progress
from hermodr_devkit.demo.scenario import KINDS
from hermodr_devkit.demo.show import Screen
from tests.support.performances import START, flawless

KEY = "hk_" + "s" * 43


def shown(thing: RenderableType, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(thing)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_fits_an_ordinary_terminal() -> None:
    lines = shown(report.table(judge((*KINDS, *HOOKS, *CLOCKWORK, *DESK), flawless()))).splitlines()
    for kind in (*KINDS, *HOOKS, *CLOCKWORK, *DESK):
        assert any(kind.title in line and line.rstrip().endswith("✓") for line in lines)


def test_a_flawless_run_says_so_and_another_says_what_was_wrong() -> None:
    facts = flawless()
    assert "Every expectation held." in shown(report.totals(facts, judge(KINDS, facts)))
    facts.kinds["magic"].accepted = 3
    assert "magic link, urgent: accepted: 3/20" in shown(report.totals(facts, judge(KINDS, facts)))


def test_the_command_for_a_mail_of_ones_own_is_a_shell_command() -> None:
    text = report.own("http://127.0.0.1:8000", KEY).plain
    assert max(map(len, text.splitlines())) < 80
    words = [word for word in shlex.split(text) if word != "\n"]
    assert words[:4] == ["curl", "-X", "POST", "http://127.0.0.1:8000/v1/notifications"]
    assert f"Authorization: Bearer {KEY}" in words
    assert json.loads(words[-1])["to"] == {"email": "you@example.com"}


def test_a_timeline_reads_as_a_story() -> None:
    entries: list[dict[str, Any]] = [
        {"at": START.isoformat(), "event": "requested", "detail": {"type": "magic_link", "batch_id": "0192"}},
        {
            "at": START.replace(second=1).isoformat(),
            "event": "attempted",
            "detail": {
                "number": 1,
                "provider": "smtp",
                "outcome": "transient",
                "code": "smtp_451",
                "detail": "RCPT: 451 busy",
                "started_at": START.isoformat(),
            },
        },
    ]
    text = shown(report.story(entries), 120)
    assert "+0.000 s  requested" in text
    assert "+1.000 s  attempt 1 by smtp: transient  smtp_451 RCPT: 451 busy" in text
    assert "0192" not in text


def test_without_a_terminal_progress_is_told_in_lines() -> None:
    file = io.StringIO()
    screen = Screen(Console(file=file))
    with screen.step("something"), screen.progress() as tell:
        tell(Progress(accepted=200, sent=10, retrying=3, finished=9, jobs=199))
    assert "✓ something" in file.getvalue()
    assert "\x1b" not in file.getvalue()


def test_the_picture_needs_nothing_from_elsewhere_and_keeps_the_secret(tmp_path: Path) -> None:
    screen = Screen(Console(file=io.StringIO()))
    screen.show(report.own("http://127.0.0.1:8000", KEY), whole_lines=True)
    screen.picture(tmp_path / "demo.svg", hide=KEY)
    drawing = (tmp_path / "demo.svg").read_text()
    assert "Authorization" in drawing
    assert KEY not in drawing
    assert "url(http" not in drawing
    assert [path.name for path in tmp_path.iterdir()] == ["demo.svg"]
