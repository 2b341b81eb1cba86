from __future__ import annotations

import asyncio

import pytest

from hermodr_sandbox.domain.fault_book import MAX_RULES, FaultBook
from hermodr_sandbox.domain.faults import FaultSpec, Moment, Reply, Stage
from hermodr_sandbox.errors import TooManyFaults
from tests.support.smtp_dialogue import PATIENCE, House, MovableClock
from tests.support.waiting import wait_until

REPLY_451 = {"kind": "reply", "code": 451}


async def test_a_reply_at_connect(house: House) -> None:
    rule = await house.fault(stage="connect", action={"kind": "reply", "code": 554, "text": "go away"})
    peer = await house.connect(greet=False)
    assert await peer.reply() == "554 5.7.1 go away"
    assert await peer.ended()
    assert await house.fired(rule) == 1


async def test_a_reply_at_ehlo_leaves_the_session_open(house: House) -> None:
    await house.fault(stage="ehlo", action=REPLY_451, times=1)
    peer = await house.connect(greet=False)
    await peer.reply()
    assert (await peer.ask("EHLO c")).startswith("451 4.3.0")
    assert (await peer.ask("HELO c")).startswith("250 ")


async def test_a_reply_at_auth(house: House) -> None:
    await house.fault(stage="auth", action={"kind": "reply", "code": 454, "text": "4.7.0 later"}, times=1)
    peer = await house.connect()
    assert await peer.ask("AUTH PLAIN AGEAYg==") == "454 4.7.0 later"
    assert (await peer.ask("AUTH PLAIN AGEAYg==")).startswith("235 ")


async def test_a_reply_at_mail_begins_nothing(house: House) -> None:
    await house.fault(stage="mail", sender="bad@*", action=REPLY_451)
    peer = await house.connect()
    assert (await peer.ask("MAIL FROM:<bad@x.org>")).startswith("451 ")
    assert (await peer.ask("RCPT TO:<b@x.org>")).startswith("503 ")
    assert (await peer.ask("MAIL FROM:<good@x.org>")).startswith("250 ")


async def test_a_reply_at_rcpt_leaves_out_that_recipient_only(house: House) -> None:
    await house.fault(recipient="*@SLOW.example", action={"kind": "reply", "code": 550})
    peer = await house.connect()
    await peer.ask("MAIL FROM:<a@x.org>")
    assert await peer.ask("RCPT TO:<b@Slow.Example>") == "550 5.1.1 Mailbox unavailable"
    assert (await peer.ask("RCPT TO:<b@fast.example>")).startswith("250 ")
    await peer.ask("DATA")
    await peer.ask("x\r\n.")
    assert house.sandbox.mail(1).recipients == ("b@fast.example",)


@pytest.mark.parametrize("stage", ["data", "after_data"])
async def test_a_reply_at_data_and_at_the_dot_store_nothing(house: House, stage: str) -> None:
    await house.fault(stage=stage, action=REPLY_451, times=1)
    peer = await house.connect()
    if stage == "data":
        assert (await peer.begin("b@x.org")).startswith("451 ")
    else:
        assert (await peer.send("b@x.org")).startswith("451 ")
    assert house.sandbox.mailbox.totals.mails == 0
    assert (await peer.send("b@x.org")).startswith("250 ")


@pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data", "after_data"])
async def test_a_cut_at_every_stage(house: House, stage: str) -> None:
    rule = await house.fault(stage=stage, action={"kind": "drop"}, times=1)
    peer = await house.connect(greet=False)
    await peer.say(b"EHLO c\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\nx\r\n.\r\n")
    heard = (await asyncio.wait_for(_all(peer.reader), PATIENCE)).decode()
    order = ["connect", "ehlo", "mail", "rcpt", "data", "after_data"]
    marks = ["220 ", "ENHANCEDSTATUSCODES", "250 2.1.0", "250 2.1.5", "354 ", "queued"]
    expected = order.index(stage)
    assert [mark in heard for mark in marks] == [position < expected for position in range(6)]
    assert house.sandbox.mailbox.totals.mails == 0
    assert await house.fired(rule) == 1
    assert (await (await house.connect()).send("b@x.org")).startswith("250 ")


async def _all(reader: asyncio.StreamReader) -> bytes:
    heard = b""
    while True:
        try:
            chunk = await reader.read(65536)
        except ConnectionResetError:
            return heard
        if not chunk:
            return heard
        heard += chunk


@pytest.mark.parametrize(("kind", "stored"), [("drop_after_data", 1), ("drop_before_accept", 0)])
async def test_cuts_around_acceptance(house: House, kind: str, stored: int) -> None:
    await house.fault(action={"kind": kind}, times=1)
    peer = await house.connect()
    assert await peer.send("b@x.org") == ""
    assert house.sandbox.mailbox.totals.mails == stored
    assert (await (await house.connect()).send("b@x.org")).startswith("250 ")


async def test_a_lie_stores_the_mail_and_answers_as_if_it_had_not(house: House) -> None:
    await house.fault(action={"kind": "lie", "code": 451}, times=1)
    await house.fault(action={"kind": "lie"}, provider="resend")
    peer = await house.connect()
    assert (await peer.send("b@x.org")).startswith("451 ")
    assert house.sandbox.mailbox.totals.mails == 1
    assert (await peer.send("b@x.org")).startswith("250 ")


async def test_a_throttle_says_421_and_closes(house: House) -> None:
    await house.fault(stage="mail", action={"kind": "throttle"}, times=1)
    peer = await house.connect()
    assert (await peer.ask("MAIL FROM:<a@x.org>")).startswith("421 4.7.0")
    assert await peer.ended()


@pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data", "after_data"])
async def test_a_delay_holds_the_reply_and_what_was_pipelined(house: House, stage: str) -> None:
    rule = await house.fault(stage=stage, action={"kind": "delay", "seconds": 0.05})
    loop = asyncio.get_running_loop()
    begun = loop.time()
    peer = await house.connect(greet=False)
    await peer.say(b"EHLO c\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n")
    codes = [(await peer.reply())[:3] for _ in range(7)]
    assert codes == ["220", "250", "250", "250", "354", "250", "221"]
    assert loop.time() - begun >= 0.05
    assert await house.fired(rule) == 1


async def test_a_client_that_leaves_during_a_delay_leaves_nothing_behind(house: House) -> None:
    await house.fault(stage="after_data", action={"kind": "delay", "seconds": 600})
    peer = await house.connect()
    await peer.begin("b@x.org")
    await peer.say(b"x\r\n.\r\n")
    peer.hang_up()
    await wait_until(lambda: house.sandbox.traffic.connections_open == 0)
    assert house.sandbox.mailbox.totals.mails == 0


async def test_delays_add_up_and_combine_with_an_action(house: House) -> None:
    for seconds in (0.02, 0.03):
        await house.fault(action={"kind": "delay", "seconds": seconds})
    await house.fault(action=REPLY_451)
    peer = await house.connect()
    await peer.ask("MAIL FROM:<a@x.org>")
    begun = asyncio.get_running_loop().time()
    assert (await peer.ask("RCPT TO:<b@x.org>")).startswith("451 ")
    assert asyncio.get_running_loop().time() - begun >= 0.05


async def test_refusing_closes_the_door_until_lifted(house: House) -> None:
    peer = await house.connect()
    rule = await house.fault(action={"kind": "refuse"})
    assert rule["stage"] == "connect"
    assert await peer.ended()
    with pytest.raises(ConnectionRefusedError):
        await house.connect()
    assert await house.fired(rule) == 1
    assert (await house.http.delete(f"/v1/faults/{rule['id']}")).status_code == 204
    assert (await (await house.connect()).send("b@x.org")).startswith("250 ")


async def test_refusing_may_spare_open_connections(house: House) -> None:
    peer = await house.connect()
    await house.fault(action={"kind": "refuse", "cut_open": False})
    assert (await peer.send("b@x.org")).startswith("250 ")
    with pytest.raises(ConnectionRefusedError):
        await house.connect()


async def test_refusing_ends_by_itself(house: House) -> None:
    rule = await house.fault(action={"kind": "refuse"}, expires_in=10)
    house.clock.advance(9.9)
    await house.server.apply_refusals()
    assert not house.server.listening
    house.clock.advance(0.2)
    await house.server.apply_refusals()
    assert (await (await house.connect()).send("b@x.org")).startswith("250 ")
    assert (await house.http.get(f"/v1/faults/{rule['id']}")).json()["active"] is False


async def test_two_refusals_must_both_end(house: House) -> None:
    first = await house.fault(action={"kind": "refuse"})
    await house.fault(action={"kind": "refuse"})
    await house.http.delete(f"/v1/faults/{first['id']}")
    assert not house.server.listening
    assert (await house.http.delete("/v1/faults")).json() == {"deleted": 1}
    assert house.server.listening


# ---- counting, without a network -------------------------------------------------------------------------


def _book(clock: MovableClock | None = None, draw: float = 0.5) -> FaultBook:
    return FaultBook((clock or MovableClock()).monotonic, lambda: draw)


def _fires(book: FaultBook, *addresses: str) -> list[bool]:
    moments = [Moment(Stage.RCPT, "me@x.org", (address,)) for address in addresses]
    return [book.judge(moment).action is not None for moment in moments]


def _spec(**conditions: object) -> FaultSpec:
    return FaultSpec.model_validate({"action": REPLY_451} | conditions)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, [True] * 6),
        ({"nth": 3}, [False, False, True, False, False, False]),
        ({"every": 3}, [False, False, True, False, False, True]),
        ({"first": 2}, [True, True, False, False, False, False]),
        ({"times": 2}, [True, True, False, False, False, False]),
        ({"every": 2, "times": 2}, [False, True, False, True, False, False]),
        ({"probability": 0.6}, [True] * 6),
        ({"probability": 0.4}, [False] * 6),
    ],
)
def test_counting(conditions: dict[str, object], expected: list[bool]) -> None:
    book = _book()
    rule = book.add(_spec(**conditions))
    assert _fires(book, *["a@x.org"] * 6) == expected
    assert rule.fired == sum(expected)


def test_first_per_address_counts_each_address_for_itself() -> None:
    book = _book()
    book.add(_spec(first_per_address=2))
    fired = _fires(book, "a@x.org", "b@x.org", "A@x.org", "a@x.org", "b@x.org", "b@x.org")
    assert fired == [True, True, True, False, True, False]


def test_a_pace_lets_a_second_s_worth_through_and_then_what_time_brings() -> None:
    clock = MovableClock()
    book = _book(clock)
    book.add(_spec(above_rate=2))
    assert _fires(book, *["a@x.org"] * 4) == [False, False, True, True]
    clock.advance(0.5)
    assert _fires(book, *["a@x.org"] * 2) == [False, True]
    clock.advance(60)
    assert _fires(book, *["a@x.org"] * 3) == [False, False, True]


async def test_a_limit_of_connections_refuses_those_beyond_it_until_one_leaves(house: House) -> None:
    rule = await house.fault(stage="connect", action={"kind": "throttle"}, above_connections=2)
    one, two = await house.connect(), await house.connect()
    for _ in range(2):  # those refused do not count
        refused = await house.connect(greet=False)
        assert (await refused.reply()).startswith("421 4.7.0")
        assert await refused.ended()
    assert (await one.ask("QUIT")).startswith("221 ")
    three = await house.connect()
    assert (await three.ask("NOOP")).startswith("250 ")
    assert (await two.ask("NOOP")).startswith("250 ")
    assert await house.fired(rule) == 2


def test_patterns_do_not_count_what_they_do_not_match() -> None:
    book = _book()
    rule = book.add(_spec(recipient="a*@x.org", sender="me@*", nth=2))
    assert _fires(book, "b@x.org", "ann@x.org", "b@x.org", "alf@x.org") == [False, False, False, True]
    assert (rule.matched, rule.fired) == (2, 1)


def test_expiry_follows_the_clock() -> None:
    clock = MovableClock()
    book = _book(clock)
    rule = book.add(_spec(expires_in=5))
    clock.advance(4.9)
    assert _fires(book, "a@x.org") == [True]
    clock.advance(0.2)
    assert _fires(book, "a@x.org") == [False]
    assert not book.active(rule)
    assert book.rules() == [rule]


def test_the_first_rule_that_fires_wins() -> None:
    book = _book()
    for code in (451, 452):
        book.add(_spec(action={"kind": "reply", "code": code}, times=1))
    moment = Moment(Stage.RCPT, "me@x.org", ("a@x.org",))
    assert [book.judge(moment).action for _ in range(3)] == [Reply(code=451), Reply(code=452), None]


def test_spent_rules_make_room_and_active_ones_do_not() -> None:
    book = _book()
    spent = book.add(_spec(times=1))
    _fires(book, "a@x.org")
    for _ in range(MAX_RULES):
        book.add(_spec())
    assert spent not in book.rules()
    with pytest.raises(TooManyFaults):
        book.add(_spec())


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"action": {"kind": "explode"}},
        {"action": {"kind": "reply", "code": 250}},
        {"action": {"kind": "reply", "code": 451, "text": "two\r\nlines"}},
        {"action": {"kind": "delay", "seconds": -1}},
        {"action": REPLY_451, "stage": "lunch"},
        {"action": REPLY_451, "stage": "connect", "recipient": "a@x.org"},
        {"action": REPLY_451, "stage": "mail", "recipient": "a@x.org"},
        {"action": REPLY_451, "probability": 2},
        {"action": REPLY_451, "nth": 0},
        {"action": REPLY_451, "above_connections": 0},
        {"action": REPLY_451, "above_rate": 0},
        {"action": {"kind": "refuse"}, "above_rate": 5},
        {"action": REPLY_451, "colour": "red"},
        {"action": {"kind": "drop_after_data"}, "stage": "rcpt"},
        {"action": {"kind": "refuse"}, "times": 2},
        {"action": {"kind": "report", "outcomes": ["delivered"]}, "stage": "rcpt"},
        {"action": {"kind": "report", "outcomes": ["lost"]}},
        {"action": {"kind": "reply", "code": 451}, "stage": "report"},
    ],
)
async def test_impossible_rules_are_refused_with_a_reason(house: House, spec: dict[str, object]) -> None:
    answer = await house.http.post("/v1/faults", json=spec)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"]
    assert (await house.http.get("/v1/faults")).json()["data"] == []
