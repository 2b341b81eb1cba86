from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_servicekit.return_paths import LONGEST_LOCAL_PART, BounceAddress, ReturnPaths

PATHS = ReturnPaths("a secret of tests, thirty-two bytes or more")
DELIVERY = UUID("01a2018c-e359-7702-8eb3-8dd0fbf20001")


@given(st.uuids())
def test_a_path_names_its_delivery_whatever_servers_do_to_it(delivery: UUID) -> None:
    path = BounceAddress("bounces@example.com", PATHS).of(delivery)
    local, _, domain = path.partition("@")
    assert (len(local) <= 64, domain) == (True, "example.com")
    wrapped = [path, path.upper(), f"<{path}>", f"prvs=12345={path}", f"rfc822; {path}"]
    wrapped += [f"SRS0=HHH=TT=example.com={local}@forwarder.example", local, f"a@b.example, {path}"]
    assert {PATHS.delivery_in(each) for each in wrapped} == {delivery}


def test_what_we_did_not_sign_names_nothing() -> None:
    token = PATHS.token(DELIVERY)
    other = ReturnPaths("another secret, also thirty-two bytes or more").token(DELIVERY)
    changed = [token[:n] + ("a" if token[n] != "a" else "b") + token[n + 1 :] for n in range(len(token) - 1)]
    for each in (
        other,
        *changed,
        token[:-1],
        token + "a",
        "a" + token,
        "",
        "a" * 42,
        "a" * 100_000,
        "\ud800",
        "\u212a" * 42,  # K by Unicode's rules of upper and lower case
        "\u017f" * 42,
    ):
        assert PATHS.delivery_in(f"bounces+{each}@example.com") is None
    many = "".join(f"x+{'a' * 42}@example.com " for _ in range(10_000))
    assert PATHS.delivery_in(many + token) is None


def test_the_address_leaves_room_for_the_token() -> None:
    longest = "b" * LONGEST_LOCAL_PART
    assert len(BounceAddress(f"{longest}@example.com", PATHS).of(DELIVERY).partition("@")[0]) == 64
    for bad, why in (
        (f"b{longest}@example.com", "before its @"),
        ("bücher@example.com", "non-ASCII"),
        ("nobody", "not an email address"),
        ("Bounces <b@example.com>", "not an email address"),
    ):
        with pytest.raises(ValueError, match=why):
            BounceAddress(bad, PATHS)
    assert BounceAddress("b@bücher.example", PATHS).of(DELIVERY).endswith("@xn--bcher-kva.example")
