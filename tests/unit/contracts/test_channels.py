from dataclasses import replace

import pytest

from hermodr_contracts.channels import CHANNELS, first_of_phones, servable, served, usual, with_ladder
from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.vocabulary import Channel, OnUnknown

TEXTS_TOO = CHANNELS
MAILS_ONLY = {
    channel: replace(spec, has_sender=channel is Channel.EMAIL) for channel, spec in CHANNELS.items()
}


def test_only_mail_is_sent_unasked_and_no_text_twice() -> None:
    assert [channel for channel, spec in CHANNELS.items() if spec.by_default] == ["email"]
    assert [channel for channel, spec in CHANNELS.items() if spec.on_unknown is OnUnknown.HOLD] == [
        "sms",
        "whatsapp",
    ]


def test_a_channel_is_servable_once_it_has_a_sender() -> None:
    assert list(servable()) == ["email", "sms", "whatsapp", "in_app", "webhook"]
    assert list(servable(MAILS_ONLY)) == ["email"]


def test_usually_served_are_mails_inboxes_and_what_there_are_providers_for() -> None:
    assert list(usual()) == ["email", "in_app"]
    assert list(usual({Channel.SMS})) == ["email", "sms", "in_app"]
    assert list(usual({Channel.WEBHOOK})) == ["email", "in_app", "webhook"]
    assert list(usual({Channel.WHATSAPP})) == ["email", "whatsapp", "in_app"]


@pytest.mark.parametrize("names", ["sms email", "email sms", "  email\tsms sms "])
def test_served_are_those_named_in_the_order_of_the_registry(names: str) -> None:
    assert list(served(names, TEXTS_TOO)) == ["email", "sms"]


def test_one_alone_is_enough() -> None:
    assert list(served("sms", TEXTS_TOO)) == ["sms"]


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ("", "names no channel"),
        (" ", "names no channel"),
        ("email Email", "'Email' is no channel; there are email, sms, whatsapp, in_app, webhook"),
    ],
)
def test_what_cannot_be_served_is_named(names: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}$"):
        served(names, TEXTS_TOO)


def test_a_channel_without_its_sender_cannot_be_served() -> None:
    with pytest.raises(ValueError, match=r"^sms has no sender yet; possible: email$"):
        served("email sms", MAILS_ONLY)


def test_a_bare_phone_asks_for_a_text_where_texts_are_served() -> None:
    assert first_of_phones(CHANNELS) is Channel.SMS
    assert first_of_phones(served("email whatsapp")) is Channel.WHATSAPP
    assert first_of_phones(served("email")) is None


def test_a_ladder_of_ones_own_is_for_its_channel_only() -> None:
    changed = with_ladder(TEXTS_TOO, Channel.EMAIL, parse_ladder("1s"))
    assert [step.label for step in changed[Channel.EMAIL].ladder] == ["1s"]
    assert changed[Channel.SMS] == TEXTS_TOO[Channel.SMS]
    assert len(CHANNELS[Channel.EMAIL].ladder) == 7
    only_texts = served("sms", TEXTS_TOO)
    assert with_ladder(only_texts, Channel.EMAIL, parse_ladder("1s")) == only_texts
