"""Where an event would go: into an open window, or one that it opens. Pure."""

from datetime import datetime, timedelta

from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.batching.looking import OpenWindow, OpenWindows
from hermodr_ledger.jobs.decisions import Joining, RequestedJob


def joined(windows: OpenWindows, job: RequestedJob, joining: Joining, moment: datetime) -> datetime | None:
    """When the window closes that the job joins at that moment; `None`: it opens one and is sent at once. `windows` has
    it from then on."""
    slot = (windows.addressees.get(job.id, ""), job.type or "", str(joining.cause), joining.key)
    window = windows.windows.get(slot)
    length = timedelta(seconds=joining.window)
    known = window is not None and window.closes_at > moment
    if job.priority is Priority.URGENT and (known or joining.first == "wait"):  # which ends it
        windows.windows.pop(slot, None)
        return moment
    if window is None or window.closes_at <= moment:
        latest = moment + max(length, timedelta(seconds=joining.max_window or 0.0))
        windows.windows[slot] = OpenWindow(moment + length, latest)
        return moment + length if joining.first == "wait" else None
    if joining.max_window is not None:
        slid = min(window.latest, max(window.closes_at, moment + length))
        window = windows.windows[slot] = window._replace(closes_at=slid)
    return window.closes_at
