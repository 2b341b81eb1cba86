"""When a job that could be sent now had better wait: for the time of day it was requested for, for the end of quiet
hours. Pure."""

from datetime import datetime
from typing import Any

from hermodr_contracts.vocabulary import JobState, Priority
from hermodr_deciding import delivery_times, quiet_hours
from hermodr_ledger.jobs.decisions import Decision, Note, PublishedTemplate, RequestedJob
from hermodr_ledger.upkeep.expiring import EXPIRED

DELIVER_AT = "deliver_at"
QUIET_HOURS = "quiet_hours"


def put_off(
    job: RequestedJob, template: PublishedTemplate | None, now: datetime, notes: list[Note]
) -> Decision | None:
    """The decision to wait, if the job has to. What makes no sense is noted and does not count: nothing may stop for
    ever. A job that expires before it could be sent is skipped at once."""
    return _for_its_time(job, now, notes) or _for_quiet_hours(job, template, now, notes)


def expired(job: RequestedJob, **detail: object) -> Decision:
    note = Note("not_sent", {"reason": EXPIRED, **detail})
    return Decision(job, JobState.SKIPPED, notes=(note,), error=EXPIRED)


def waiting(job: RequestedJob, reason: str, until: datetime, detail: dict[str, Any]) -> Decision:
    """To be decided again at `until`; or expired by then."""
    told = {"until": until.isoformat().replace("+00:00", "Z"), **detail}
    if job.expires_at is not None and job.expires_at <= until:
        return expired(job, **told)
    return Decision(
        job, JobState.SCHEDULED, notes=(Note("deferred", {"reason": reason, **told}),), until=until
    )


def _for_its_time(job: RequestedJob, now: datetime, notes: list[Note]) -> Decision | None:
    """The first such time of day after it was requested; whatever comes later than that is late, not for tomorrow. A
    job that is decided upon again while it waits for its time, because something changed, looks for the next one."""
    if job.deliver_at is None:
        return None
    zone, name = quiet_hours.zone_of(job.recipient.timezone if job.recipient is not None else None)
    after = now if job.put_off_for == DELIVER_AT else job.created_at or now
    try:
        until = delivery_times.next_moment(job.deliver_at, zone, after)
    except ValueError as error:
        notes.append(Note("deliver_at_ignored", {"reason": str(error)}))
        return None
    if until is None or until <= now:
        return None
    return waiting(job, DELIVER_AT, until, {"timezone": name, "deliver_at": dict(job.deliver_at)})


def _for_quiet_hours(
    job: RequestedJob, template: PublishedTemplate | None, now: datetime, notes: list[Note]
) -> Decision | None:
    recipient = job.recipient
    if recipient is None or recipient.quiet_hours is None or job.priority is Priority.URGENT:
        return None
    if template is not None and template.critical:
        return None
    try:
        hours = quiet_hours.read(recipient.quiet_hours)
    except ValueError as error:
        notes.append(Note("quiet_hours_ignored", {"reason": str(error)}))
        return None
    zone, name = quiet_hours.zone_of(recipient.timezone)
    until = quiet_hours.quiet_until(hours, zone, now)
    if until is None:
        return None
    return waiting(job, QUIET_HOURS, until, {"timezone": name, "quiet_hours": dict(recipient.quiet_hours)})
