from collections.abc import Mapping
from datetime import time
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from hermodr_api.access.authentication import Caller
from hermodr_api.access.quotas import Quotas
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.digests.models import (
    DigestOccurrencesView,
    DigestOccurrenceView,
    DigestPreviewView,
    DigestRunView,
    DigestScheduleIn,
    DigestSchedulePatch,
    DigestScheduleView,
    DigestUpdateView,
    Reason,
    columns_of,
    refuse_odd_day,
)
from hermodr_api.errors import CONFLICT, Flaw, Refused, cut, invalid, not_found
from hermodr_api.notifications.foresight import Foresight
from hermodr_api.previews.models import PreviewIn, PreviewView
from hermodr_api.previews.service import Previews
from hermodr_contracts.vocabulary import JobState
from hermodr_deciding.foreseeing import Verdict
from hermodr_digesting.data import shown_locale, template_data
from hermodr_digesting.rules import rule_of
from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.digests import schedules
from hermodr_ledger.digests.choosing import Contents, would_choose
from hermodr_ledger.digests.planning import PRIORITY, job_of, run_now
from hermodr_ledger.digests.schedules import DigestSchedule, ScheduleSearch
from hermodr_ledger.engine import Ledger, Statements, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.jobs.decisions import NewDelivery
from hermodr_recurrence import Rule, occurrences
from hermodr_servicekit import tracing
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.clock import Clock


class DigestSchedules:
    """The use cases of `/v1/digest-schedules`; end users read and change those of their own recipients, which
    the application makes. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(
        self,
        ledger: Ledger,
        repeatable: Repeatable,
        announcer: Announcer,
        previews: Previews,
        foresight: Foresight,
        clock: Clock,
        quotas: Quotas,
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._announcer = announcer
        self._previews = previews
        self._foresight = foresight
        self._clock = clock
        self._quotas = quotas

    async def page(self, caller: Caller, page: Page, search: ScheduleSearch) -> PageResult[DigestSchedule]:
        async with patience():
            return await walk(
                self._ledger, page, lambda at, rows: schedules.page(at, caller.project_id, rows, search)
            )

    async def read(self, caller: Caller, schedule_id: UUID) -> DigestSchedule:
        async with patience():
            return await self._known(self._ledger, caller, schedule_id)

    async def create(self, caller: Caller, wanted: DigestScheduleIn, key: Key | None) -> Answer:
        fields = columns_of(wanted)
        refuse_odd_day(wanted.frequency, wanted.delivery_day)

        async def act(transaction: Transaction) -> Outcome:
            fields["timezone"] = await self._zone(transaction, caller, wanted)
            made = await schedules.create(transaction, caller.project_id, self._timed(fields))
            await _note(transaction, caller, "create", made.id)
            return Outcome.of(DigestScheduleView, made)

        return await self._repeatable.run(caller.project_id, key, 201, act)

    async def change(self, caller: Caller, schedule_id: UUID, wanted: DigestSchedulePatch) -> DigestSchedule:
        async with patience(), self._ledger.transaction() as transaction:
            await self._known(transaction, caller, schedule_id, changing=True)
            return await self.change_within(transaction, caller.project_id, caller.actor, schedule_id, wanted)

    async def change_within(
        self,
        transaction: Transaction,
        project_id: UUID,
        actor: Actor,
        schedule_id: UUID,
        wanted: DigestSchedulePatch,
    ) -> DigestSchedule:
        """By whoever may change it."""
        changes = columns_of(wanted)
        before = _known(await schedules.read_for_change(transaction, project_id, schedule_id))
        rule = {
            name: changes.get(name, getattr(before, name))
            for name in ("frequency", "delivery_time", "delivery_day", "timezone", "is_active")
        }
        refuse_odd_day(rule["frequency"], rule["delivery_day"])
        if any(value != getattr(before, name) for name, value in rule.items()):
            changes = changes | self._timed(rule)
        changed = _known(await schedules.change(transaction, project_id, schedule_id, changes))
        fields = {"fields": sorted(wanted.model_fields_set)}
        await audit.record(transaction, project_id, actor, "digest_schedule.change", schedule_id, fields)
        return changed

    async def delete(self, caller: Caller, schedule_id: UUID) -> None:
        async with patience(), self._ledger.transaction() as transaction:
            if not await schedules.delete(transaction, caller.project_id, schedule_id):
                raise not_found("digest schedule")
            await _note(transaction, caller, "delete", schedule_id)

    async def occurrences(self, caller: Caller, schedule_id: UUID, count: int) -> DigestOccurrencesView:
        schedule = await self.read(caller, schedule_id)
        rule = _rule(schedule.frequency, schedule.delivery_time, schedule.delivery_day, schedule.timezone)
        zone = ZoneInfo(schedule.timezone)
        found = occurrences(rule, self._clock.now(), count)
        data = [DigestOccurrenceView(at=each, local=each.astimezone(zone).isoformat()) for each in found]
        return DigestOccurrencesView(data=data)

    async def run(self, caller: Caller, schedule_id: UUID, key: Key | None) -> Answer:
        """Now, beside its occurrences, and whether it is active or not."""
        made: list[UUID] = []

        async def act(transaction: Transaction) -> Outcome:
            schedule = await self._known(transaction, caller, schedule_id)
            reader = await schedules.reader_of(
                transaction, caller.project_id, schedule.recipient_id, schedule.group_id
            )
            async with self._quotas.counted(caller.project_id, 1):
                job_id = await run_now(transaction, schedule, reader.user_id if reader is not None else None)
            made.append(job_id)
            await _note(transaction, caller, "run", schedule_id, {"job_id": job_id})
            view = DigestRunView(job_id=job_id, status=JobState.QUEUED, status_url=f"/v1/jobs/{job_id}")
            return Outcome(view.model_dump_json().encode())

        answer = await self._repeatable.run(caller.project_id, key, 202, act)
        tracing.accepted(made)
        self._announcer.jobs(PRIORITY, made)
        return answer

    async def preview(self, caller: Caller, schedule_id: UUID) -> DigestPreviewView:
        """As for the job itself: first whether and where it is sent, then what is in it."""
        async with patience():
            schedule = await self._known(self._ledger, caller, schedule_id)
            await _note(self._ledger, caller, "preview", schedule_id)
            (foreseen,) = await self._foresight.of([job_of(schedule, None)])
            going = next((each for each in foreseen if each.verdict is Verdict.SEND), None)
            if going is None:
                waiting = next((each for each in foreseen if each.verdict is Verdict.DEFER), foreseen[0])
                reason = TypeAdapter(Reason).validate_python(waiting.reason)
                return DigestPreviewView(reason=reason, until=waiting.send_at)
            found = await would_choose(self._ledger, schedule.id)
        if not isinstance(found, Contents):
            if found.reason == "schedule_deleted":
                raise not_found("digest schedule")
            return DigestPreviewView(reason=found.reason)
        shown = await self._rendered(caller, schedule, going.delivery, found)
        return DigestPreviewView(
            locale=shown.locale,
            subject=shown.subject,
            text=shown.text,
            html=shown.html,
            updates=[DigestUpdateView.model_validate(each) for each in found.updates],
            more=found.more,
        )

    async def _rendered(
        self, caller: Caller, schedule: DigestSchedule, delivery: NewDelivery | None, contents: Contents
    ) -> PreviewView:
        """On the channel of that delivery."""
        if delivery is None or delivery.template_id is None:
            raise ValueError("a digest is made by a template")
        data = template_data(contents, shown_locale(contents.locale, delivery.locale))
        asked = PreviewIn(
            version=delivery.template_version,
            channel=delivery.channel,
            recipient_id=schedule.recipient_id,
            data=data,
        )
        answer = await self._previews.saved(caller.project_id, delivery.template_id, asked, None)
        return PreviewView.model_validate_json(answer.body)

    async def _zone(self, statements: Statements, caller: Caller, wanted: DigestScheduleIn) -> str:
        """Checks recipient and group."""
        reader = await schedules.reader_of(
            statements, caller.project_id, wanted.recipient_id, wanted.group_id
        )
        if reader is None:
            raise invalid(Flaw(("body", "recipient_id"), "there is no such recipient"))
        if not reader.group_known:
            raise invalid(Flaw(("body", "group_id"), "there is no such group"))
        return wanted.timezone or reader.timezone or "UTC"

    def _timed(self, fields: dict[str, object]) -> dict[str, object]:
        """With `next_digest_scheduled`."""
        if not fields["is_active"]:
            return fields | {"next_digest_scheduled": None}
        frequency, at, day, zone = (
            fields[name] for name in ("frequency", "delivery_time", "delivery_day", "timezone")
        )
        rule = _rule(frequency, at, day, zone)  # type: ignore[arg-type]
        return fields | {"next_digest_scheduled": rule.next_after(self._clock.now())}

    async def _known(
        self, statements: Statements, caller: Caller, schedule_id: UUID, *, changing: bool = False
    ) -> DigestSchedule:
        read = schedules.read_for_change if changing else schedules.read
        return _known(await read(statements, caller.project_id, schedule_id, caller.user_id))


async def _note(
    statements: Statements,
    caller: Caller,
    what: str,
    schedule_id: UUID,
    detail: Mapping[str, object] | None = None,
) -> None:
    await audit.record(
        statements, caller.project_id, caller.actor, f"digest_schedule.{what}", schedule_id, detail
    )


def _rule(frequency: str, at: time, day: int | None, zone: str) -> Rule:
    """Raises `Refused` for a zone that came by SQL or with an older recipient, and is not known here."""
    try:
        return rule_of(frequency, at, day, zone)
    except ValueError as error:
        raise Refused(
            CONFLICT, f"the time zone {cut(zone, 100)!r} of the schedule is not known; give it another one"
        ) from error


def _known(schedule: DigestSchedule | None) -> DigestSchedule:
    if schedule is None:
        raise not_found("digest schedule")
    return schedule
