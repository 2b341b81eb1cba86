from dataclasses import replace

import pytest

from hermodr_contracts.channels import CHANNELS, servable, served, usual, with_ladder
from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.vocabulary import Channel, OnUnknown

TEXTS_TOO = CHANNELS
MAILS_ONLY = dict(CHANNELS) | {Channel.SMS: replace(CHANNELS[Channel.SMS], has_sender=False)}


def test_nobody_is_texted_unasked_and_no_text_is_sent_twice_unasked() -> None:
    assert [channel for channel, spec in CHANNELS.items() if spec.by_default] == ["email", "in_app"]
    assert [channel for channel, spec in CHANNELS.items() if spec.on_unknown is OnUnknown.HOLD] == [
        "sms",
        "whatsapp",
    ]


def test_a_channel_is_servable_once_it_has_a_sender() -> None:
    assert list(servable()) == ["email", "sms", "webhook"]
    assert list(servable(MAILS_ONLY)) == ["email", "webhook"]


def test_usually_mails_are_served_and_what_there_are_providers_for() -> None:
    assert list(usual()) == ["email"]
    assert list(usual({Channel.SMS})) == ["email", "sms"]
    assert list(usual({Channel.WEBHOOK})) == ["email", "webhook"]
    assert list(usual({Channel.WHATSAPP})) == ["email"]


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
        ("email sms whatsapp", "whatsapp has no sender yet; possible: email, sms, webhook"),
    ],
)
def test_what_cannot_be_served_is_named(names: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}$"):
        served(names, TEXTS_TOO)


def test_a_ladder_of_ones_own_is_for_its_channel_only() -> None:
    changed = with_ladder(TEXTS_TOO, Channel.EMAIL, parse_ladder("1s"))
    assert [step.label for step in changed[Channel.EMAIL].ladder] == ["1s"]
    assert changed[Channel.SMS] == TEXTS_TOO[Channel.SMS]
    assert len(CHANNELS[Channel.EMAIL].ladder) == 7
    only_texts = served("sms", TEXTS_TOO)
    assert with_ladder(only_texts, Channel.EMAIL, parse_ladder("1s")) == only_texts
