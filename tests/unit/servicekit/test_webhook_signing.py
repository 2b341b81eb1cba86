import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hermodr_servicekit.webhook_signing import Purpose, SecretOf, WebhookSecrets

KEY = "a-key-of-tests-that-is-long-enough"
OLD_KEY = "an-older-key-of-tests-also-long-enough"
ENDPOINT = UUID("01940000-0000-7000-8000-000000000001")
OF = SecretOf(Purpose.ENDPOINT, ENDPOINT)
SECRETS = WebhookSecrets(KEY)


def now() -> datetime:
    """The verifier looks at the clock: it wants timestamps of the last five minutes."""
    return datetime.now(UTC)


def test_a_secret_is_the_same_for_ever() -> None:
    assert SECRETS.secret(OF) == "whsec_20PU/egUEOmcTJkR0CgM2NHVsYHwNwemYdg4ePLHqd8="


@pytest.mark.parametrize(
    "other",
    [
        SecretOf(Purpose.RECIPIENT, ENDPOINT),
        SecretOf(Purpose.ENDPOINT, ENDPOINT, 2),
        SecretOf(Purpose.ENDPOINT, ENDPOINT, 11),
        SecretOf(Purpose.ENDPOINT, UUID(int=ENDPOINT.int + 1)),
    ],
    ids=["purpose", "version", "eleven", "id"],
)
def test_each_has_its_own(other: SecretOf) -> None:
    assert SECRETS.secret(other) != SECRETS.secret(OF)


@given(st.dictionaries(st.text(), st.text()), st.uuids())
def test_the_public_library_accepts_what_is_signed(content: dict[str, str], message: UUID) -> None:
    body = json.dumps(content)
    headers = SECRETS.headers(str(message), body.encode(), now(), [OF])
    assert Webhook(SECRETS.secret(OF)).verify(body, headers) == content


@pytest.mark.parametrize("body", ["{}", '{"text":"Grüße, 漢字 🎉"}', '{"a":"' + "x" * 70_000 + '"}'])
def test_texts_of_all_kinds_are_signed_as_utf_8(body: str) -> None:
    Webhook(SECRETS.secret(OF)).verify(body, SECRETS.headers("m", body.encode(), now(), [OF]))


def test_a_changed_body_id_or_time_is_noticed() -> None:
    headers = SECRETS.headers("m", b"{}", now(), [OF])
    verifier = Webhook(SECRETS.secret(OF))
    verifier.verify("{}", headers)
    earlier = str(int(headers["webhook-timestamp"]) - 1)
    for body, more in (("{} ", {}), ("{}", {"webhook-id": "n"}), ("{}", {"webhook-timestamp": earlier})):
        with pytest.raises(WebhookVerificationError):
            verifier.verify(body, headers | more)


def test_while_a_secret_is_replaced_both_verify() -> None:
    newer = OF._replace(version=2)
    headers = SECRETS.headers("m", b"{}", now(), [newer, OF])
    assert len(headers["webhook-signature"].split(" ")) == 2
    for each in (OF, newer):
        Webhook(SECRETS.secret(each)).verify("{}", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS.secret(OF._replace(version=3))).verify("{}", headers)


def test_while_a_key_is_replaced_both_verify() -> None:
    both = WebhookSecrets(f"{KEY} {OLD_KEY}")
    headers = both.headers("m", b"{}", now(), [OF])
    assert both.secret(OF) == SECRETS.secret(OF) != WebhookSecrets(OLD_KEY).secret(OF)
    for each in (KEY, OLD_KEY):
        Webhook(WebhookSecrets(each).secret(OF)).verify("{}", headers)


def test_the_time_is_in_whole_seconds() -> None:
    at = datetime(2026, 3, 29, 1, 59, 59, 999_999, tzinfo=UTC)
    assert SECRETS.headers("m", b"{}", at, [OF])["webhook-timestamp"] == "1774749599"
    elsewhere = at.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert SECRETS.headers("m", b"{}", elsewhere, [OF]) == SECRETS.headers("m", b"{}", at, [OF])


@pytest.mark.parametrize("keys", ["", " ", "short", f"{KEY} short", "x" * 31], ids=repr)
def test_keys_have_a_least_length(keys: str) -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        WebhookSecrets(keys)
