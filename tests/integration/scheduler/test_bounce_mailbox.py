"""Bounces in a mailbox, read by two schedulers over one ledger."""

import asyncio
from datetime import UTC, datetime
from urllib.parse import quote

from prometheus_client import CollectorRegistry

from hermodr_contracts.vocabulary import DeliveryState
from hermodr_ledger.deliveries import mailboxes
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.deliveries.mailboxes import BOUNCES, Turns
from hermodr_ledger.deliveries.mailed import Told, take_mail
from hermodr_ledger.engine import Ledger
from hermodr_scheduler.duties.bounces import TURN_SECONDS, Bounces
from hermodr_scheduler.mailbox.address import MailboxAddress
from hermodr_scheduler.mailbox.imap import Mailbox
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.clock import SystemClock
from hermodr_servicekit.return_paths import BounceAddress, ReturnPaths
from tests.support.bounces import arf, dsn, vacation
from tests.support.imap_server import PASSWORD, USER, ImapServer
from tests.support.ledgers import attempt, emptied, new_deliveries, opened, row_of

PATHS = ReturnPaths("a secret of tests, thirty-two bytes or more")


def duty_of(ledger: Ledger, server: ImapServer, reader: str) -> Bounces:
    async def take(mail: bytes) -> Told:
        return await take_mail(ledger, PATHS, mail, datetime.now(UTC))

    url = f"imap://{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/INBOX"
    box = Mailbox(MailboxAddress.read(url), 1_000_000)
    turns = Turns(ledger.cold, BOUNCES, reader)
    metrics = SchedulerMetrics(CollectorRegistry())
    return Bounces(box, turns, take, SystemClock(), metrics, every_seconds=30.0)


async def test_a_bounce_in_the_mailbox_ends_its_delivery(database_url: str) -> None:
    async with opened(database_url) as ledger, ImapServer().running() as server:
        await emptied(ledger)
        sent, complained, untouched = await new_deliveries(ledger, 3)
        for each in (sent, complained, untouched):
            await claim(ledger, [each], owner="me", lease_seconds=60)
            await record(ledger, [(attempt(each, 1, Outcome.SENT), Settlement(DeliveryState.SENT))])
        path = BounceAddress("bounces@example.org", PATHS).of
        server.deliver(dsn(path(sent)), arf(path(complained)), vacation(path(untouched)))
        duties = [duty_of(ledger, server, name) for name in ("one", "two")]
        pauses = await asyncio.gather(*(each.tick() for each in duties))
        assert pauses == [30.0, 30.0]
        assert (server.logins, server.unread()) == (1, [])  # the other one had no turn
        states = [
            (await row_of(ledger, "deliveries", each))["state"] for each in (sent, complained, untouched)
        ]
        assert states == ["bounced", "complained", "sent"]
        rows = await ledger.fetch("SELECT reason, delivery_id FROM hermodr.suppressions")
        assert {(each["reason"], each["delivery_id"]) for each in rows} >= {("complaint", complained)}


async def test_turns_go_round(database_url: str) -> None:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        one, two = (Turns(ledger, BOUNCES, name) for name in ("one", "two"))
        assert await one.take(TURN_SECONDS)
        assert await one.take(TURN_SECONDS)
        assert not await two.take(TURN_SECONDS)
        await one.note("login_refused")
        (told,) = await mailboxes.failing(ledger)
        await one.note("unreachable")
        (again,) = await mailboxes.failing(ledger)
        assert (told.failure, again.failure, again.since) == ("login_refused", "unreachable", told.since)
        await two.note(None)  # not its turn
        assert len(await mailboxes.failing(ledger)) == 1
        await ledger.fetch("UPDATE hermodr.mailboxes SET turn_until = now() - interval '1 second'")
        assert await two.take(TURN_SECONDS)
        assert not await one.take(TURN_SECONDS)
        await two.note(None)
        assert await mailboxes.failing(ledger) == []
        await two.note("unreachable")
        await ledger.fetch("UPDATE hermodr.mailboxes SET turn_until = now() - interval '10 minutes'")
        assert await mailboxes.failing(ledger) == []  # nobody reads it any more
        await one.release()
        await two.release()
        assert await one.take(TURN_SECONDS)
