from __future__ import annotations

from uuid import UUID

import pytest
from pydantic import SecretStr

from hermodr_email_sender.app import bounces_of, providers_of
from hermodr_email_sender.settings import EmailSenderSettings
from hermodr_servicekit.return_paths import ReturnPaths
from tests.support.mails import SENDER, mail
from tests.support.scripted_smtp import ScriptedSmtp

SECRET = SecretStr("a secret of tests, thirty-two bytes or more")
DELIVERY = UUID("01a2018c-e359-7702-8eb3-8dd0fbf20001")


def settings(**more: object) -> EmailSenderSettings:
    return EmailSenderSettings(link_secret=SECRET).model_copy(update=more)


async def test_mails_by_smtp_name_their_delivery_in_mail_from(server: ScriptedSmtp) -> None:
    made = settings(
        email_providers=f"smtp://127.0.0.1:{server.port}",
        bounce_address="bounces@example.com",
        email_from=SENDER.address,
    )
    (provider,) = providers_of(made)
    for message in (mail(delivery_id=DELIVERY), mail(delivery_id=DELIVERY), mail()):
        await provider.prepare(message)()
    await provider.close()
    first, again, without = (each.mail.partition("<")[2].partition(">")[0] for each in server.mails)
    assert first == again
    assert first.startswith("bounces+")
    assert first.endswith("@example.com")
    assert len(first.partition("@")[0]) <= 64
    assert ReturnPaths(SECRET.get_secret_value()).delivery_in(first) == DELIVERY
    assert without == SENDER.address
    assert server.mails[0].content == server.mails[2].content


def test_without_the_setting_there_is_none() -> None:
    assert bounces_of(settings()) is None


@pytest.mark.parametrize(
    ("address", "secret", "told"),
    [
        ("bounces@example.com", None, "HERMODR_BOUNCE_ADDRESS needs HERMODR_LINK_SECRET"),
        ("bounces", SECRET, "HERMODR_BOUNCE_ADDRESS is not an email address"),
        (
            "an-address-that-is-too-long@example.com",
            SECRET,
            "HERMODR_BOUNCE_ADDRESS has more than 21 characters",
        ),
        ("grüße@example.com", SECRET, "HERMODR_BOUNCE_ADDRESS has a non-ASCII character"),
    ],
)
def test_what_cannot_be_ends_the_start(
    address: str, secret: SecretStr | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        providers_of(settings(bounce_address=address, link_secret=secret))
    assert end.value.code == 2
    assert told in capsys.readouterr().err
