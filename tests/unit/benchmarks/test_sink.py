"""The measurements' mail server counts every mail once, however its octets arrive."""

import asyncio
from itertools import pairwise
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.sink import Count, Session


class Wire:
    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True


def by_data(to: bytes, body: bytes) -> bytes:
    return b"MAIL FROM:<a@b.example>\r\nRCPT TO:<%b>\r\nDATA\r\n%b\r\n.\r\n" % (to, body)


def by_chunk(to: bytes, body: bytes) -> bytes:
    return b"MAIL FROM:<a@b.example>\r\nRCPT TO:<%b>\r\nBDAT %d LAST\r\n%b" % (to, len(body), body)


def talked(pieces: list[bytes]) -> tuple[Count, Wire]:
    count, wire = Count(), Wire()
    session = Session(count)
    session.connection_made(cast(asyncio.Transport, wire))
    for piece in pieces:
        session.data_received(piece)
    return count, wire


def codes(wire: Wire) -> list[bytes]:
    return [line[:3] for line in wire.written.split(b"\r\n") if line]


DIALOGUE = (
    by_data(b"x@e.example", b"Hello\r\n..dots\r\nRCPT TO:<not@one.example>")
    + by_chunk(b"y@e.example", b"Hello\r\n.\r\nQUIT\r\n")
    + by_chunk(b"z@e.example", b"")
    + by_data(b"w@e.example", b"")
    + b"QUIT\r\n"
)


@given(st.lists(st.integers(0, len(DIALOGUE)), max_size=12))
def test_mails_are_counted_wherever_their_octets_are_cut(cuts: list[int]) -> None:
    edges = sorted({0, *cuts, len(DIALOGUE)})
    count, wire = talked([DIALOGUE[start:end] for start, end in pairwise(edges)])
    assert list(count.arrivals) == [b"x@e.example", b"y@e.example", b"z@e.example", b"w@e.example"]
    assert (count.mails, count.repeated) == (4, {})
    assert codes(wire) == [b"220", b"250", b"250", b"354", b"250"] + [b"250"] * 6 + [
        b"250", b"250", b"354", b"250", b"221",
    ]  # fmt: skip
    assert wire.closed


def test_a_mail_that_comes_again_is_told() -> None:
    count, _ = talked([by_data(b"x@e.example", b"1"), by_chunk(b"x@e.example", b"2")])
    assert count.numbers()["twice"] == 1
    assert count.numbers()["recipients"] == 1
    count.clear()
    assert count.numbers() == {"mails": 0, "octets": 0, "recipients": 0, "twice": 0, "last": 0.0}


async def test_waiting_ends_with_the_last_mail_or_the_time() -> None:
    count = Count()
    waiting = asyncio.ensure_future(count.wait(2, 60))
    count.take([b"x@e.example", b"y@e.example"], 1)
    async with asyncio.timeout(5):
        await waiting
        await count.wait(3, 0.01)
    assert count.waiting == []
