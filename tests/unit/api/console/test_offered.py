"""What a list of messages offers to do to all of them."""

import pytest

from hermodr_api.console.messages import chosen, offered


@pytest.mark.parametrize(
    ("fields", "deeds"),
    [
        ({"delivery": "bounced"}, ["retry"]),
        ({"delivery": "failed", "error": "smtp_550"}, ["retry"]),
        ({"delivery": "suppressed", "type": "invoice"}, ["retry"]),
        ({"delivery": "queued"}, ["cancel"]),
        ({"error": "smtp_550"}, ["retry", "cancel"]),
        ({"type": "invoice"}, ["cancel"]),
        ({"status": "failed", "delivery": "delivered"}, ["retry"]),
        ({"status": "cancelled"}, ["retry"]),
        ({"status": "queued", "error": "smtp_421"}, ["cancel"]),
        ({"status": "completed"}, []),
        ({"delivery": "delivered"}, []),
        ({"delivery": "opened", "type": "invoice"}, []),
        ({"before": "2026-11-30T09:00"}, []),
        ({"before": "2026-11-30T09:00", "type": "invoice"}, ["cancel"]),
        ({}, []),
    ],
)
def test_only_what_can_match_is_offered(fields: dict[str, str], deeds: list[str]) -> None:
    assert offered(chosen(**fields)) == deeds
