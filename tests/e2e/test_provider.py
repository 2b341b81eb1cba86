"""A mail provider with failures, under load and one mail at a time."""

import pytest

from tests.support.installation import Installation
from tests.support.load import Load, reached, under

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_provider_that_refuses_connections_for_seconds(installation: Installation) -> None:
    """The circuit breaker opens, and whatever was not tried by then waits without an attempt."""
    opened = installation.logged("email-sender", "circuit breaker opened")
    async with under(Load(installation, "refused"), 600, 400) as load:
        await reached(load, 200)
        await installation.fault(action={"kind": "refuse", "cut_open": True}, expires_in=5)
    await installation.sound()
    jobs = [each.job_id for each in installation.asked if each.job_id]
    attempts = [len((await installation.job(job_id))["delivery_logs"]) for job_id in jobs]
    assert installation.logged("email-sender", "circuit breaker opened") > opened, "the refusal was not felt"
    assert max(attempts) <= 3
    await installation.clear_faults()


async def test_a_connection_cut_after_the_final_dot_is_an_unknown_outcome_and_resent(
    installation: Installation,
) -> None:
    """The sandbox has stored the mail, but the sender cannot know: it is sent again under the same Message-ID."""
    load = Load(installation, "cut")
    await installation.fault(action={"kind": "drop_after_data"}, recipient="*@cut.example.org", times=3)
    jobs = [job for job in [await load.single() for _ in range(3)] if job]
    assert len(jobs) == 3
    for job_id in jobs:
        found = await installation.ended(job_id)
        assert found["job"]["status"] == "completed"
        assert [each["outcome"] for each in found["delivery_logs"]] == ["unknown", "sent"]
        mails = await installation.mails_to(found["recipient"]["email"])
        assert [mail["message_id"] for mail in mails] == [found["job"]["message_id"]] * 2
        assert mails[0]["text"] == mails[1]["text"]
        outcomes = [
            each["detail"]["outcome"]
            for each in await installation.timeline(job_id)
            if each["event"] == "attempted"
        ]
        assert outcomes == ["unknown", "sent"]
    await installation.clear_faults()
    await installation.sound()


async def test_a_server_that_thinks_for_longer_than_a_lease_gets_the_mail_once(
    installation: Installation,
) -> None:
    """The lease lasts five seconds here, and a provider call two."""
    load = Load(installation, "slow")
    await installation.fault(
        stage="after_data", action={"kind": "delay", "seconds": 8}, recipient="*@slow.example.org"
    )
    job_id = await load.single()
    assert job_id is not None
    found = await installation.ended(job_id)
    assert [each["outcome"] for each in found["delivery_logs"]] == ["sent"]
    assert len(await installation.mails_to(found["recipient"]["email"])) == 1
    await installation.clear_faults()
    await installation.sound()


async def test_an_unknown_outcome_is_held_if_the_producer_wants_it_so(installation: Installation) -> None:
    load = Load(installation, "held")
    await installation.fault(action={"kind": "drop_after_data"}, recipient="*@held.example.org")
    job_id = await load.single(on_unknown="hold")
    assert job_id is not None
    found = await installation.ended(job_id)
    assert found["job"]["status"] == "failed"
    assert [each["state"] for each in found["deliveries"]] == ["unknown"]
    assert [each["outcome"] for each in found["delivery_logs"]] == ["unknown"]
    assert len(await installation.mails_to(found["recipient"]["email"])) == 1
    await installation.clear_faults()
    await installation.sound()


async def test_throttling_and_trouble_at_every_stage_under_load(installation: Installation) -> None:
    """Rules that fire now and then, so that pipelined and pooled dialogues break in the middle."""
    for stage, action in (
        ("mail", {"kind": "reply", "code": 421}),
        ("rcpt", {"kind": "reply", "code": 450}),
        ("data", {"kind": "drop"}),
        ("after_data", {"kind": "drop_before_accept"}),
        ("after_data", {"kind": "drop_after_data"}),
        ("after_data", {"kind": "reply", "code": 451}),
    ):
        await installation.fault(stage=stage, action=action, every=50, sender="*", times=8)
    async with under(Load(installation, "trouble"), 600, 400):
        pass
    await installation.clear_faults()
    await installation.sound()
