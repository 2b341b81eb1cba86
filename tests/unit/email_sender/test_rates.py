"""A rate so slow that claims would grow old waiting for their turn ends the sender at its start."""

import pytest

from hermodr_email_sender.app import _window
from hermodr_email_sender.domain import Mailbox
from hermodr_email_sender.providers.dsns import build_providers


@pytest.mark.parametrize(
    ("rate", "lease", "refused"), [("15/m", 5, True), ("15/m", 130, False), ("50/s", 5, False)]
)
def test_a_quarter_of_a_lease_is_enough_for_a_mail_of_each_lane(
    rate: str, lease: float, refused: bool
) -> None:
    providers = build_providers(
        f"smtp://127.0.0.1?rate={rate}", sender=Mailbox("a@example.com"), production=False
    )
    if refused:
        with pytest.raises(SystemExit) as ended:
            _window(providers, lease)
        assert ended.value.code == 2
    else:
        assert _window(providers, lease) >= 1
