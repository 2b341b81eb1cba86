from __future__ import annotations

import asyncio

import pytest

from tests.support.smtp_dialogue import House, sandbox_house


async def _outcome(house: House, recipient: str) -> str:
    """The code of the first reply that is not 2xx/3xx, else of the last; "" when the connection was cut."""
    peer = await house.connect()
    for command in ("MAIL FROM:<me@x.org>", f"RCPT TO:<{recipient}>", "DATA", "Subject: x\r\n\r\nx\r\n."):
        reply = await peer.ask(command)
        if reply[:1] not in ("2", "3"):
            return reply[:3]
    return reply[:3]


@pytest.mark.parametrize(
    ("recipient", "outcomes", "stored"),
    [
        ("ann+451x2@example.org", ["451", "451", "250", "250"], 2),
        ("ann+550@example.org", ["550", "550"], 0),
        ("ann+421@example.org", ["421"], 0),
        ("ann+452x1-dot@example.org", ["452", "250"], 1),
        ("ann+throttlex1@example.org", ["421", "250"], 1),
        ("ann+dropx1@example.org", ["", "250"], 1),
        ("ann+dropx1-dot@example.org", ["", "250"], 1),
        ("ann+dropafterx1@example.org", ["", "250"], 2),
        ("ann+450x1+451x1@example.org", ["450", "451", "250"], 1),
        ("ANN+451X1@example.org", ["451", "250"], 1),
        ("ann+newsletter@example.org", ["250"], 1),
        ("ann+350@example.org", ["250"], 1),
        ("ann+451x0@example.org", ["250"], 1),
        ("451x2@example.org", ["250"], 1),
        ("ann@451x2.example+550.org", ["250"], 1),
    ],
)
async def test_tags(house: House, recipient: str, outcomes: list[str], stored: int) -> None:
    assert [await _outcome(house, recipient) for _ in outcomes] == outcomes
    assert house.sandbox.mailbox.totals.mails == stored


async def test_a_delay_by_tag(house: House) -> None:
    begun = asyncio.get_running_loop().time()
    assert await _outcome(house, "ann+delay0.05@example.org") == "250"
    assert asyncio.get_running_loop().time() - begun >= 0.05


async def test_clearing_starts_the_count_anew(house: House) -> None:
    assert [await _outcome(house, "a+451x1@x.org") for _ in range(2)] == ["451", "250"]
    await house.http.delete("/v1/mails")
    assert [await _outcome(house, "a+451x1@x.org") for _ in range(2)] == ["451", "250"]


async def test_tags_can_be_switched_off() -> None:
    async with sandbox_house(address_tags=False) as house:
        assert await _outcome(house, "ann+550@example.org") == "250"
