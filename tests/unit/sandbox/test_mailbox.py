"""The bounds of the mailbox, and totals that survive them."""

from __future__ import annotations

import asyncio

from hermodr_sandbox.domain.mail import Client, Mail
from hermodr_sandbox.domain.mailbox import Mailbox
from hermodr_sandbox.domain.patterns import AddressPattern
from tests.support.smtp_dialogue import PATIENCE, House, MovableClock

CLIENT = Client("127.0.0.1:1", "client.example", tls=False)


def _accept(
    box: Mailbox, *recipients: str, raw: bytes = b"x", message_id: str = "", tick: float = 0.0
) -> Mail:
    head = b"Message-ID: " + message_id.encode() + b"\r\n" if message_id else b""
    return box.accept("me@x.org", recipients, head + raw, CLIENT, MovableClock().now(), tick)


def test_the_oldest_make_room_by_count() -> None:
    box = Mailbox(max_mails=3, max_bytes=1 << 20)
    for number in range(10):
        _accept(box, f"r{number % 2}@x.org")
    assert [mail.number for mail in box.newest_first()] == [10, 9, 8]
    assert box.get(7) is None
    assert (len(box), box.totals.mails, box.totals.evicted, box.octets, box.totals.octets) == (
        3,
        10,
        7,
        3,
        10,
    )
    assert dict(box.totals.recipients) == {"r0@x.org": 5, "r1@x.org": 5}


def test_the_oldest_make_room_by_bytes_and_a_giant_is_only_counted() -> None:
    box = Mailbox(max_mails=100, max_bytes=10)
    for _ in range(4):
        _accept(box, "a@x.org", raw=b"1234")
    assert [mail.number for mail in box.newest_first()] == [4, 3]
    _accept(box, "a@x.org", raw=b"x" * 11)
    assert (len(box), box.octets, box.totals.mails) == (0, 0, 5)
    _accept(box, "a@x.org", raw=b"1234")
    assert [mail.number for mail in box.newest_first()] == [6]


def test_pages_go_on_below_a_number() -> None:
    box = Mailbox(max_mails=5, max_bytes=1 << 20)
    for _ in range(8):
        _accept(box, "a@x.org")
    assert [mail.number for mail in box.newest_first(before=6)] == [5, 4]
    assert list(box.newest_first(before=2)) == []
    assert [mail.number for mail in box.newest_first(before=99)] == [8, 7, 6, 5, 4]


def test_duplicates_are_known_after_the_mails_are_gone() -> None:
    box = Mailbox(max_mails=1, max_bytes=1 << 20)
    _accept(box, "a@x.org", "b@x.org", message_id="<1@x>")
    _accept(box, "c@x.org", message_id="<1@x>")
    _accept(box, "A@x.org", message_id="<1@x>")
    _accept(box, "a@x.org", message_id="<2@x>")
    _accept(box, "a@x.org")
    _accept(box, "a@x.org")
    assert {name: repeat.count for name, repeat in box.totals.repeats.items()} == {"<1@x>": 3}
    assert list(box.totals.duplicate_deliveries()) == [("a@x.org", "<1@x>", 2)]


def test_clearing_forgets_but_numbers_go_on() -> None:
    box = Mailbox(max_mails=10, max_bytes=1 << 20)
    _accept(box, "a@x.org", message_id="<1@x>")
    box.clear()
    assert (len(box), box.octets, box.totals.mails, box.generation) == (0, 0, 0, 1)
    assert _accept(box, "a@x.org", message_id="<1@x>").number == 2
    assert list(box.totals.duplicate_deliveries()) == []
    assert [mail.number for mail in box.newest_first()] == [2]


def test_the_rate_looks_back_some_seconds() -> None:
    box = Mailbox(max_mails=10, max_bytes=1 << 20)
    for tick in (100.0, 100.5, 108.2, 109.9):
        _accept(box, "a@x.org", tick=tick)
    assert box.rate(110.0, 10) == 0.4
    assert box.rate(110.0, 1) == 1.0
    assert box.rate(200.0, 60) == 0.0


def test_patterns() -> None:
    assert AddressPattern("Ann@X.org").matches("ann@x.ORG")
    assert not AddressPattern("ann@x.org").matches("xann@x.org")
    assert AddressPattern("*@x.org").matches("any+thing@X.org")
    assert AddressPattern("u[12]@?.org").matches("u2@a.org")
    assert not AddressPattern("*@x.org").matches("a@x.org.evil")


async def test_waiting_ends_when_enough_have_come(house: House) -> None:
    box = house.sandbox.mailbox
    wait = asyncio.create_task(house.sandbox.wait_for(AddressPattern("*@x.org"), 3, PATIENCE))
    for number in range(4):
        _accept(box, f"r{number}@x.org" if number else "other@y.org")
        await asyncio.sleep(0)
    assert await wait == 3


async def test_waiting_ends_with_what_there_is(house: House) -> None:
    _accept(house.sandbox.mailbox, "a@x.org")
    assert await house.sandbox.wait_for(None, 2, 0.01) == 1
    assert not house.sandbox.mailbox._waiting  # nothing is left behind by who gave up


async def test_closing_ends_waiting_and_streams(house: House) -> None:
    wait = asyncio.create_task(house.sandbox.wait_for(None, 1, 600))
    stream = house.sandbox.arrivals(0, at_most=10, every=0)
    assert await anext(stream) == ([], 0)
    house.sandbox.close()
    assert await asyncio.wait_for(wait, PATIENCE) == 0
    assert [batch async for batch in stream] == []


async def test_arrivals_come_in_order_and_say_what_they_left_out(house: House) -> None:
    box = house.sandbox.mailbox
    stream = house.sandbox.arrivals(0, at_most=2, every=0)
    assert await anext(stream) == ([], 0)
    for _ in range(5):
        _accept(box, "a@x.org")
    mails, skipped = await asyncio.wait_for(anext(stream), PATIENCE)
    assert ([mail.number for mail in mails], skipped) == ([4, 5], 3)
    _accept(box, "a@x.org")
    mails, skipped = await asyncio.wait_for(anext(stream), PATIENCE)
    assert ([mail.number for mail in mails], skipped) == ([6], 0)
