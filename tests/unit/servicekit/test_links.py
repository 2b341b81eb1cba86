import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_servicekit.links import Links, Unsubscribe

LINKS = Links("a secret of tests, which is long enough", "https://mail.example/")
LINK = Unsubscribe(UUID(int=1), UUID(int=2**127), "weekly.digest")


@given(st.uuids())
def test_a_confirmation_is_read_as_one_and_as_nothing_else(pending: UUID) -> None:
    token = LINKS.confirmation(pending).removeprefix("https://mail.example/u/a/")
    assert LINKS.read_confirmation(token) == pending
    assert LINKS.read(token) is None
    assert LINKS.read_confirmation(LINKS.token(LINK)) is None
    assert len(token) == 44


@given(st.uuids())
def test_a_code_is_six_digits_that_depend_on_the_secret(pending: UUID) -> None:
    other = Links("another secret of tests, long enough", "https://mail.example")
    assert re.fullmatch(r"[0-9]{6}", LINKS.code(pending))
    assert LINKS.code(pending) == LINKS.code(pending)
    assert LINKS.pseudonym(str(pending)) != other.pseudonym(str(pending))


def test_codes_differ() -> None:
    assert len({LINKS.code(UUID(int=number)) for number in range(1_000)}) > 990


@given(
    st.uuids(),
    st.uuids(),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", fullmatch=True),
    st.none() | st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_what_was_signed_is_read_to_the_microsecond(
    project: UUID, recipient: UUID, name: str, at: datetime | None
) -> None:
    link = Unsubscribe(project, recipient, name, at)
    assert LINKS.read(LINKS.token(link)) == link


def test_a_link_is_the_same_in_every_attempt_and_shows_no_text() -> None:
    assert LINKS.unsubscribe(LINK) == LINKS.unsubscribe(LINK) == f"https://mail.example/u/{LINKS.token(LINK)}"
    assert len(LINKS.token(LINK)) < 100


def test_another_secret_reads_nothing() -> None:
    assert (
        Links("another secret of tests, long enough", "https://mail.example").read(LINKS.token(LINK)) is None
    )


def test_every_changed_letter_is_noticed() -> None:
    token = LINKS.token(LINK)
    for place in range(len(token) - 1):  # the last one has bits that mean nothing
        letter = "A" if token[place] != "A" else "B"
        assert LINKS.read(token[:place] + letter + token[place + 1 :]) is None, place


@pytest.mark.parametrize("token", ["", "A", "AA", "x" * 401, "ä", "a b", "=", "%", "AQ" * 40])
def test_what_is_no_token_is_none(token: str) -> None:
    assert LINKS.read(token) is None
