import asyncio
import ssl
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from hermodr_ledger.deliveries.mailed import Told
from hermodr_ledger.deliveries.receipts import ReceiptKind
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_scheduler.app import Scheduler
from hermodr_scheduler.duties import bounces
from hermodr_scheduler.duties.bounces import Bounces
from hermodr_scheduler.mailbox.address import MailboxAddress
from hermodr_scheduler.mailbox.imap import Mailbox, MailboxFailure
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_scheduler.settings import SchedulerSettings
from hermodr_servicekit.dsn import Unusable
from hermodr_servicekit.mail_reports import MailKind
from tests.support.clocks import FakeClock
from tests.support.imap_server import PASSWORD, USER, ImapServer
from tests.support.waiting import wait_until

BOUNCE, LETTER, POISON = (
    b"Subject: bounce\r\n\r\n1",
    b"Subject: letter\r\n\r\nhello",
    b"Subject: poison\r\n\r\n",
)


def url(port: int, more: str = "") -> str:
    return f"imap://{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/INBOX{more}"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[ImapServer]:
    async with ImapServer().running() as running:
        yield running


class FakeTurns:
    def __init__(self) -> None:
        self.mine = True
        self.noted: list[str | None] = []
        self.taken: list[float] = []

    async def take(self, seconds: float) -> bool:
        self.taken.append(seconds)
        return self.mine

    async def note(self, failure: str | None) -> None:
        self.noted.append(failure)


class Reader:
    """The duty over a fake ledger, which knows bounces and fails at poison."""

    def __init__(self, server: ImapServer, more: str = "", octets: int = 1_000_000) -> None:
        self.registry = CollectorRegistry()
        self.turns = FakeTurns()
        self.clock = FakeClock()
        self.read: list[bytes] = []
        self.away = False
        address = MailboxAddress.read(url(server.port, more))
        self.duty = Bounces(
            Mailbox(address, octets),
            self.turns,  # type: ignore[arg-type]
            self._take,
            self.clock,
            SchedulerMetrics(self.registry),
            every_seconds=address.every_seconds,
        )

    async def _take(self, mail: bytes) -> Told:
        if self.away:
            raise LedgerUnavailable("away")
        if mail == POISON:
            raise KeyError("x")
        self.read.append(mail)
        if mail.startswith(BOUNCE[:15]):
            return Told(MailKind.BOUNCE, (ReceiptKind.BOUNCED,), unknown=1)
        return Told(MailKind.OTHER, ignored=1)

    def count(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"{name}_total", labels)


async def test_each_mail_is_read_once_and_stays(server: ImapServer) -> None:
    server.deliver(BOUNCE, LETTER)
    reader = Reader(server)
    assert await reader.duty.tick() == 30.0
    assert reader.read == [BOUNCE, LETTER]
    assert (server.unread(), len(server.folders["INBOX"])) == ([], 2)
    server.deliver(BOUNCE + b"2")
    assert await reader.duty.tick() == 30.0
    assert reader.read[2:] == [BOUNCE + b"2"]
    assert server.logins == 1
    assert reader.turns.noted == [None, None]
    assert reader.count("hermodr_bounce_mails", kind="bounce") == 2
    assert reader.count("hermodr_bounce_mails", kind="other") == 1
    assert reader.count("hermodr_receipts", provider="mailbox", kind="bounced") == 2
    assert reader.count("hermodr_receipts", provider="mailbox", kind="unknown") == 2
    assert reader.count("hermodr_receipts", provider="mailbox", kind="ignored") == 1


@pytest.mark.parametrize(
    "capabilities", ["IMAP4rev1 AUTH=PLAIN MOVE", "IMAP4rev1 AUTH=PLAIN UIDPLUS", "IMAP4rev1 AUTH=PLAIN"]
)
async def test_what_was_understood_may_be_moved(server: ImapServer, capabilities: str) -> None:
    server.capabilities = capabilities
    server.deliver(BOUNCE, LETTER)
    reader = Reader(server, "?move=Read%20reports&every=5")
    assert await reader.duty.tick() == 5.0
    assert [each.content for each in server.folders["Read reports"]] == [BOUNCE]
    left = [each.content for each in server.folders["INBOX"] if "\\Deleted" not in each.flags]
    assert left == [LETTER]
    assert server.unread() == []
    server.deliver(BOUNCE)
    await reader.duty.tick()
    assert len(server.folders["Read reports"]) == 2


async def test_many_come_in_batches_and_long_ones_are_cut(server: ImapServer) -> None:
    server.deliver(*(BOUNCE + b"%d" % n for n in range(120)), BOUNCE + b"x" * 5000)
    reader = Reader(server, octets=1000)
    assert [await reader.duty.tick() for _ in range(3)] == [0.0, 0.0, 30.0]
    assert len(reader.read) == 121
    assert len(reader.read[-1]) == 1000


async def test_what_cannot_be_taken_is_left_and_the_others_are_read(server: ImapServer) -> None:
    (poison, _) = server.deliver(POISON, BOUNCE)
    reader = Reader(server)
    for _ in range(3):
        await reader.duty.tick()
    assert reader.read == [BOUNCE]
    assert server.unread() == [poison.uid]
    assert reader.count("hermodr_bounce_mails", kind="left") == 1


async def test_a_thousand_mails_that_cannot_be_taken_keep_no_newer_one_from_it(
    server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounces, "_MOST_ODD", 10)
    server.deliver(*[POISON] * 100, BOUNCE)
    reader = Reader(server)
    for _ in range(4):
        await reader.duty.tick()
    assert reader.read == [BOUNCE]
    assert len(server.unread()) == 10
    assert len(server.folders["INBOX"]) == 101


async def test_while_the_ledger_is_away_mails_stay_unread(server: ImapServer) -> None:
    server.deliver(BOUNCE)
    reader = Reader(server)
    reader.away = True
    with pytest.raises(LedgerUnavailable):
        await reader.duty.tick()
    assert len(server.unread()) == 1
    reader.away = False
    await reader.duty.tick()
    assert (reader.read, server.unread()) == ([BOUNCE], [])


async def test_only_one_reads(server: ImapServer) -> None:
    server.deliver(BOUNCE)
    reader = Reader(server)
    reader.turns.mine = False
    assert await reader.duty.tick() == 30.0
    assert server.commands == []
    reader.turns.mine = True
    await reader.duty.tick()
    reader.turns.mine = False
    await reader.duty.tick()
    assert reader.read == [BOUNCE]


async def test_a_wrong_password_is_tried_seldom_and_told(
    server: ImapServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for capabilities in ("IMAP4rev1 AUTH=PLAIN", "IMAP4rev1"):
        server.capabilities = capabilities
        server.password = "another"
        reader = Reader(server)
        pauses = [await reader.duty.tick() for _ in range(6)]
        if capabilities == "IMAP4rev1":  # which takes ASCII alone
            assert set(reader.turns.noted) == {"login_unsupported"}
            continue
        assert pauses == [60.0, 120.0, 240.0, 480.0, 900.0, 900.0]
        assert set(reader.turns.noted) == {"login_refused"}
        assert reader.turns.taken[-1] == 990.0  # no other scheduler tries it meanwhile
        server.password = PASSWORD
        assert await reader.duty.tick() == 30.0
        assert reader.turns.noted[-1] is None
    told = capsys.readouterr()
    for secret in (PASSWORD, USER, "wrong password for"):
        assert secret not in told.out + told.err


async def test_a_plain_login_is_used_where_there_is_no_other(server: ImapServer) -> None:
    server.capabilities = "IMAP4rev1"
    server.password = 'a "quoted" \\ one'
    server.deliver(BOUNCE)
    box = Mailbox(
        MailboxAddress.read(
            f"imap://{quote(USER, safe='')}:{quote(server.password)}@127.0.0.1:{server.port}"
        ),
        100,
    )
    (uid,) = await asyncio.to_thread(box.unread, 10)
    assert await asyncio.to_thread(box.fetch, uid) == BOUNCE
    assert await asyncio.to_thread(box.fetch, "999") is None
    assert server.unread() == [int(uid)]
    box.close()


async def test_a_lost_connection_is_made_anew(server: ImapServer) -> None:
    server.deliver(BOUNCE, LETTER)
    reader = Reader(server)
    for command in ("UID FETCH", "UID STORE", "SELECT", "UID SEARCH", "CAPABILITY", "AUTHENTICATE"):
        server.cut_at = command
        assert await reader.duty.tick() >= 5.0
        assert reader.turns.noted[-1] is not None
    server.cut_at = ""
    assert await reader.duty.tick() == 30.0
    assert server.unread() == []
    assert set(reader.read) == {BOUNCE, LETTER}


async def test_folders_and_servers_that_are_not_there() -> None:
    async with ImapServer(folders={"Other": []}).running() as server:
        reader = Reader(server)
        await reader.duty.tick()
        assert reader.turns.noted == ["folder_missing"]
    assert await reader.duty.tick() == 10.0
    assert reader.turns.noted[-1] == "unreachable"


async def test_ending_does_not_wait_for_a_silent_server(server: ImapServer) -> None:
    server.silent = True
    reader = Reader(server)
    tick = asyncio.create_task(reader.duty.tick())
    await wait_until(lambda: server.commands)
    tick.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await tick


async def test_a_server_without_tls_gets_no_password(server: ImapServer) -> None:
    address = MailboxAddress.read(
        f"imaps://{quote(USER, safe='')}:{quote(PASSWORD)}@127.0.0.1:{server.port}/INBOX"
    )
    assert isinstance(address.tls, ssl.SSLContext)
    with pytest.raises(MailboxFailure) as failure:
        await asyncio.to_thread(Mailbox(address, 100).unread, 1)
    assert failure.value.code == "tls_failed"
    assert server.logins == 0


def test_what_the_address_may_say() -> None:
    read = MailboxAddress.read
    usual = read("imaps://me%40example.com:p%40ss@imap.example.com")
    assert (usual.host, usual.port, usual.user, usual.password) == (
        "imap.example.com",
        993,
        "me@example.com",
        "p@ss",
    )
    assert (usual.folder, usual.move_to, usual.every_seconds) == ("INBOX", None, 30.0)
    assert "p@ss" not in repr(usual)
    other = read("imaps://u:p@h:1993/Mail/Bounces%20here?move=Done&every=300")
    assert (other.port, other.folder, other.move_to, other.every_seconds) == (
        1993,
        "Mail/Bounces here",
        "Done",
        300.0,
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("imap://u:secret@mail.example.com/INBOX", "sends the password unencrypted"),
        ("pop3://u:secret@h", "unknown scheme: known are imaps://, imap://"),
        ("imaps://h/INBOX", "names no user and password"),
        ("imaps://u@h/INBOX", "names no user and password"),
        ("imaps://u:secret@h/INBOX?folder=x", "has an unknown option 'folder'"),
        ("imaps://u:secret@h/INBOX?every=0", "has a every that is not a number of seconds up to 3600"),
        ("imaps://u:secret@h/INBOX?move=INBOX", "moves to the folder that it reads"),
        ("imaps://u:secret@h/B%C3%BCcher", "names a folder that is not"),
        ("imaps://u:secret@h/a%0d%0ab", "names a folder that is not"),
        ("imaps://u:secret@h/INBOX?ca=/nowhere", "names a ca file that cannot be read"),
        ("imaps://u:secret@h imaps://u:secret@g", "is not one URL"),
        ("imaps://u:secret@[h/INBOX", "malformed host"),
        ("secret", "is not of the form scheme://host"),
    ],
)
def test_what_it_may_not(text: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Unusable):
        MailboxAddress.read(text)
    settings = SchedulerSettings.model_validate({"bounce_mailbox": text, "link_secret": "x" * 32})
    with pytest.raises(SystemExit):
        Scheduler(settings)
    said = capsys.readouterr().err
    assert "HERMODR_BOUNCE_MAILBOX" in said
    assert told in said
    assert "secret" not in said


def test_it_needs_the_key_of_return_paths(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Scheduler(SchedulerSettings.model_validate({"bounce_mailbox": "imaps://u:p@h"}))
    assert "HERMODR_BOUNCE_MAILBOX needs HERMODR_LINK_SECRET" in capsys.readouterr().err
