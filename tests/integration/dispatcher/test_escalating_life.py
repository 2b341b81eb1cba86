"""Whatever happens to a job whose channels follow each other, it ends, and who looked is left in peace."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hermodr_contracts.vocabulary import TERMINAL_JOB_STATES, Channel
from hermodr_ledger.access.audit import CLI
from hermodr_ledger.deliveries.attempts import Outcome
from hermodr_ledger.inbox import changing
from hermodr_ledger.jobs.cancelling import cancel
from hermodr_ledger.jobs.requeueing import requeue
from hermodr_ledger.people import recipients
from hermodr_ledger.upkeep.expiring import expire_deliveries, expire_jobs
from tests.support.escalations import EMAIL, IN_APP, SMS, Life
from tests.support.ledgers import emptied, opened

THINGS = st.lists(
    st.sampled_from(
        (
            "time",
            "time",
            "sent",
            "failed",
            "held",
            "looked",
            "unread",
            "cancel",
            "retry",
            "decided",
            "expire",
            "mute",
        )
    ),
    min_size=1,
    max_size=14,
)
CHANNELS = st.permutations([IN_APP, EMAIL, SMS]).flatmap(
    lambda each: st.integers(2, 3).map(lambda n: tuple(each[:n]))
)
PERSON = st.fixed_dictionaries(
    {
        "user_id": st.sampled_from(("jane", "jane", None)),
        "email": st.sampled_from(("jane@example.org", "jane@example.org", None)),
        "phone": st.sampled_from(("+4915112345678", None)),
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(channels=CHANNELS, person=PERSON, things=THINGS)
async def test_whatever_happens_it_ends_and_nobody_who_looked_is_disturbed(
    database_url: str, channels: tuple[Channel, ...], person: dict[str, Any], things: list[str]
) -> None:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        life = await Life.of(ledger, channels, person)
        seen: set[str] | None = None
        for each in things:
            await happens(life, each)
            await life.is_sound()
            if each == "looked" and await ledger.fetch("SELECT 1 FROM hermodr.inbox LIMIT 1"):
                seen = seen or set(await life.states())
            if each == "retry":
                seen = None  # somebody wanted it again
            if seen is not None:
                assert set(await life.states()) <= seen, (each, things)
        for _ in range(6):
            await life.time_passes()
            await life.sent()
        await life.is_sound()
        assert await life.state() in TERMINAL_JOB_STATES or "sending" in (await life.states()).values()
        order = [row["channel"] for row in await life.deliveries()]
        assert order == [each for each in channels if each in order]


async def happens(life: Life, what: str) -> None:
    match what:
        case "time":
            await life.time_passes()
        case "decided":
            await life.decided()
        case "sent" | "failed":
            await life.sent(Outcome.SENT if what == "sent" else Outcome.PERMANENT)
        case "held":
            await life.sent(claim_only=True)
        case "looked":
            await life.looked()
        case "unread":
            await life.looked(changing.mark_unread)
        case "cancel":
            await cancel(life.ledger, life.project_id, life.job_id, CLI)
        case "expire":
            await expire_jobs(life.ledger, 10)
            await expire_deliveries(life.ledger, 10)
        case "mute":
            until = datetime.now(UTC) + timedelta(days=1)
            await recipients.change(life.ledger, life.project_id, life.recipient_id, {"muted_until": until})
        case "retry":
            async with life.ledger.transaction() as transaction:
                await requeue(transaction, life.project_id, [life.job_id], by="cli")
