"""Bounces and complaints that come as mail, handed in by a mail server's script."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from hermodr_contracts.vocabulary import DeliveryState
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.deliveries.mailboxes import BOUNCES, Turns
from hermodr_ledger.jobs.decisions import record_decisions
from hermodr_servicekit.ids import child_id
from hermodr_servicekit.return_paths import BounceAddress, ReturnPaths
from tests.support.api import MAIL, ApiUnderTest, api_over, client_of, problem
from tests.support.bounces import arf, dsn, forwarded, vacation
from tests.support.ledgers import attempt, decisions_of
from tests.support.waiting import wait_until

EVENTS = "the-secret-of-the-pipe"
LINKS = SecretStr("a secret of tests, thirty-two bytes or more")
PATHS = ReturnPaths(LINKS.get_secret_value())
DSNS = f"smtp://127.0.0.1:1025?events={EVENTS} smtp://127.0.0.1:1026"
DOOR = "/v1/providers/smtp/events"
ADA = "ada@example.com"
NOTHING = {"new": 0, "known": 0, "unknown": 0, "ignored": 0}


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url, email_providers=DSNS, link_secret=LINKS) as under_test:
        yield under_test


async def job(
    api: ApiUnderTest,
    *,
    outcome: Outcome = Outcome.SENT,
    state: DeliveryState = DeliveryState.SENT,
    **fields: object,
) -> UUID:
    made = await api.http.post("/v1/notifications", json=MAIL | fields)
    job_id = UUID(made.json()["job_id"])
    (decision,) = await decisions_of(api.api.ledger, [job_id])
    (only,) = decision.deliveries
    await record_decisions(api.api.ledger, [decision._replace(deliveries=(only._replace(address=ADA),))])
    await claim(api.api.ledger, [only.id], owner="me", lease_seconds=60)
    made_attempt = attempt(child_id(job_id, 1), 1, outcome, provider="smtp-2")
    patience = 3600.0 if state is DeliveryState.RETRYING else None
    assert await record(api.api.ledger, [(made_attempt, Settlement(state, patience=patience))])
    return job_id


def path(job_id: UUID, paths: ReturnPaths = PATHS) -> str:
    return BounceAddress("bounces@example.org", paths).of(child_id(job_id, 1))


async def hand_in(api: ApiUnderTest, mail: bytes, secret: str = EVENTS, **headers: str) -> httpx.Response:
    sent = {"content-type": "message/rfc822", "authorization": f"Bearer {secret}"} | headers
    async with client_of(api.api) as script:
        return await script.post(DOOR, content=mail, headers=sent)


async def counts(api: ApiUnderTest, mail: bytes) -> dict[str, int]:
    answer = await hand_in(api, mail)
    assert answer.status_code == 200, answer.text
    found: dict[str, int] = answer.json()
    return {name: number for name, number in found.items() if number}


async def state(api: ApiUnderTest, job_id: UUID) -> tuple[str, str]:
    history = (await api.http.get(f"/v1/jobs/{job_id}")).json()
    return history["deliveries"][0]["state"], history["job"]["status"]


async def reported(api: ApiUnderTest, job_id: UUID) -> list[dict[str, object]]:
    timeline = (await api.http.get(f"/v1/jobs/{job_id}/timeline")).json()["data"]
    return [each["detail"] for each in timeline if each["event"] == "reported"]


async def suppressed(api: ApiUnderTest) -> dict[str, str]:
    found = (await api.http.get("/v1/suppressions")).json()["data"]
    return {each["address"]: each["reason"] for each in found}


async def test_a_bounce_ends_as_one_from_a_provider_would(api: ApiUnderTest) -> None:
    job_id = await job(api)
    mail = dsn(path(job_id))
    assert await counts(api, mail) == {"new": 1}
    assert await state(api, job_id) == ("bounced", "completed")
    assert await suppressed(api) == {ADA: "bounce"}
    (told,) = await reported(api, job_id)
    assert (told["kind"], told["provider"], told["code"]) == ("bounced", "smtp-2", "dsn_failed_5.1.1")
    assert "example" not in str(told)
    assert await counts(api, mail) == {"known": 1}
    assert await counts(api, forwarded(mail)) == {"new": 1}  # a mail of its own, which changes nothing
    metrics = (await api.http.get("/metrics")).text
    assert 'hermodr_receipts_total{kind="bounced",provider="smtp"} 2.0' in metrics


async def test_it_happened_when_the_mail_says_if_that_can_be(api: ApiUnderTest) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    for said, believed in (
        (timedelta(hours=-1), True),
        (timedelta(days=3), False),
        (timedelta(days=-400), False),
    ):
        job_id = await job(api)
        date = format_datetime(now + said).encode()
        mail = dsn(path(job_id)).replace(b"Sun, 29 Nov 2026 10:00:00 +0000", date)
        assert await counts(api, mail) == {"new": 1}
        (told,) = await reported(api, job_id)
        found = datetime.fromisoformat(str(told["at"]))
        assert (found == now + said) is believed
        assert found <= datetime.now(UTC)


async def test_the_same_bounce_from_two_doors_at_once_counts_once(api: ApiUnderTest) -> None:
    job_id = await job(api)
    answers = await asyncio.gather(*(counts(api, dsn(path(job_id))) for _ in range(6)))
    assert sum(each.get("new", 0) for each in answers) == 1
    assert sum(each.get("known", 0) for each in answers) == 5


async def test_a_complaint_without_addresses_suppresses_the_recipient(api: ApiUnderTest) -> None:
    job_id = await job(api)
    assert await counts(api, arf(path(job_id))) == {"new": 1}
    assert await state(api, job_id) == ("complained", "completed")
    assert await suppressed(api) == {ADA: "complaint"}
    assert await counts(api, arf(path(job_id), kind="not-spam")) == {"ignored": 1}


async def test_what_passes_suppresses_nobody(api: ApiUnderTest) -> None:
    job_id = await job(api)
    assert await counts(api, dsn(path(job_id), action="delayed", status="4.4.1", number="1")) == {"new": 1}
    assert await state(api, job_id) == ("sent", "completed")
    full = dsn(path(job_id), status="5.2.2", diagnostic="smtp; 552 5.2.2 mailbox full", number="2")
    assert await counts(api, full) == {"new": 1}
    assert await state(api, job_id) == ("bounced", "completed")
    assert await suppressed(api) == {}


async def test_a_report_may_name_only_those_who_got_the_mail(api: ApiUnderTest) -> None:
    job_id = await job(api)
    assert await counts(api, dsn(path(job_id), final="victim@example.com")) == {"new": 1}
    assert await suppressed(api) == {ADA: "bounce"}  # its server says where it sent the mail on to
    with_copies = await job(api, cc=["Copy@example.com"], bcc=["hidden@bücher.example"])
    assert await counts(api, dsn(path(with_copies), final="victim@example.com", number="1")) == {"new": 1}
    assert await state(api, with_copies) == ("sent", "completed")
    assert [each["doubt"] for each in await reported(api, with_copies)] == ["unclear"]
    assert await counts(api, dsn(path(with_copies), final="copy@EXAMPLE.com", number="2")) == {"new": 1}
    assert await counts(api, dsn(path(with_copies), final="hidden@xn--bcher-kva.example", number="3")) == {
        "new": 1
    }
    assert await state(api, with_copies) == ("sent", "completed")
    forwarding = dsn(path(with_copies), final="elsewhere@example.com", original="ADA@example.com", number="4")
    assert await counts(api, forwarding) == {"new": 1}
    assert await state(api, with_copies) == ("bounced", "completed")
    found = {address.lower() for address in await suppressed(api)}
    assert found == {ADA, "copy@example.com", "hidden@bücher.example"}


async def test_forged_paths_are_counted_and_nothing_more(api: ApiUnderTest) -> None:
    job_id = await job(api)
    forged = path(job_id, ReturnPaths("another secret, also thirty-two bytes or more"))
    nobody = path(UUID("01900000-0000-7000-8000-000000000000"))
    for each in (forged, nobody, "bounces@example.org", ""):
        assert await counts(api, dsn(each)) == {"unknown": 1}
    assert await state(api, job_id) == ("sent", "completed")
    assert await suppressed(api) == {}
    assert await reported(api, job_id) == []


async def test_a_message_id_alone_is_noted_and_changes_nothing(api: ApiUnderTest) -> None:
    job_id = await job(api)
    assert await counts(api, dsn("me@example.org", message_id=f"<{job_id}@hermodr.localhost>")) == {"new": 1}
    assert await state(api, job_id) == ("sent", "completed")
    assert await suppressed(api) == {}
    assert [(each["kind"], each["doubt"]) for each in await reported(api, job_id)] == [
        ("bounced", "unsigned")
    ]


async def test_an_unknown_attempt_is_proven_by_its_bounce(api: ApiUnderTest) -> None:
    job_id = await job(api, outcome=Outcome.UNKNOWN, state=DeliveryState.RETRYING)
    assert await counts(api, dsn(path(job_id))) == {"new": 1}
    assert await state(api, job_id) == ("bounced", "completed")


async def test_other_mails_are_taken_and_ignored(api: ApiUnderTest) -> None:
    job_id = await job(api)
    for each in (vacation(path(job_id)), b"", b"\xff\x00", b"Subject: Re: your mail\r\n\r\nThanks."):
        assert await counts(api, each) == {"ignored": 1}
    assert await state(api, job_id) == ("sent", "completed")


async def test_who_may_hand_in(api: ApiUnderTest) -> None:
    problem(await hand_in(api, dsn("x"), "another secret"), 401, "unauthenticated")
    problem(
        await hand_in(api, dsn("x"), **{"content-type": "application/json"}), 415, "unsupported-media-type"
    )
    problem(await hand_in(api, b"x" * (1024 * 1024 + 1)), 413, "too-large")
    async with client_of(api.api) as script:
        problem(
            await script.post(DOOR, content=b"", headers={"content-type": "message/rfc822"}),
            401,
            "unauthenticated",
        )


async def test_without_a_secret_a_signed_path_is_the_proof(api: ApiUnderTest) -> None:
    job_id = await job(api)
    headers = {"content-type": "message/rfc822", "authorization": "Bearer whatever"}
    signed, of_others = path(job_id), path(job_id, ReturnPaths("another secret, of thirty-two bytes"))
    async with client_of(api.api) as anybody:
        for mail, told in (
            (dsn(of_others), {"unknown": 1}),
            (vacation("bounces@example.org"), {"unknown": 1}),
            (b"", {"unknown": 1}),
            (vacation(signed), {"ignored": 1}),
            (dsn(signed), {"new": 1}),
            (dsn(signed), {"known": 1}),
        ):
            answer = await anybody.post("/v1/providers/smtp-2/events", content=mail, headers=headers)
            assert (answer.status_code, answer.json()) == (200, NOTHING | told)
    assert await state(api, job_id) == ("bounced", "completed")


async def test_without_secrets_no_mails_are_taken(database_url: str) -> None:
    async with api_over(database_url, email_providers="smtp://127.0.0.1:1026") as api:
        problem(await hand_in(api, dsn("x")), 404, "not-found")


async def test_a_mailbox_that_cannot_be_read_is_shown(api: ApiUnderTest) -> None:
    turns = Turns(api.api.ledger, BOUNCES, "a scheduler")
    await turns.take(60.0)
    await turns.note("login_refused")
    told = "the mailbox of bounces cannot be read since "

    async def warned() -> bool:
        return told in str((await api.http.get("/health")).json()["warnings"])

    assert await warned()
    await turns.note(None)

    async def silent() -> bool:
        return not await warned()

    gone: bool = await wait_until(silent)
    assert gone


async def test_an_api_that_cannot_read_return_paths_does_not_start(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        async with api_over(database_url, email_providers=DSNS):
            raise AssertionError("it started")
    assert "events of smtp needs HERMODR_LINK_SECRET" in capsys.readouterr().err
