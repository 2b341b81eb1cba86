"""What a task logged, on a terminal."""

from datetime import UTC, datetime

from hermodr_cli.remote import job_logs
from hermodr_client.models.jobs import LogLine


def test_a_line_turns_no_writing_around() -> None:
    at = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    text = "paid \u202e00.1\n\u2066second\x1b[2J"
    shown = job_logs._shown(LogLine(attempt=1, number=1, at=at, text=text, left_out=0), None).plain
    first, second = shown.split("\n")
    assert first.endswith("  paid \\u202e00.1")
    assert second.endswith("  \\u2066second\\x1b[2J")
