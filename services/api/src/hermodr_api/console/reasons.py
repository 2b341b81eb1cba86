"""Why a message was not sent, put off or refused, as the end of a sentence."""

from collections.abc import Mapping
from typing import Any

Detail = Mapping[str, Any]

_SPANS = {"1m": "a minute", "1h": "an hour", "1d": "a day", "7d": "a week"}

_REASONS: Mapping[str, str] = {
    # what the recipient wishes
    "muted": "the recipient has muted everything",
    "group_muted": "the recipient has muted the group",
    "preference": "the recipient does not want it",
    "capped": "the recipient has got as many as they may",
    # addresses and channels
    "suppressed": "the address is suppressed",
    "no_address": "there is no address for it",
    "channel_not_available": "it is not served here",
    "channel_needs_a_template": "it needs a template",
    "template_has_no_such_channel": "the template has no text for it",
    "no_channel_available": "there is no channel by which it could be sent",
    # time, and what happened meanwhile
    "expired": "it had expired",
    "read": "it was read before",
    "already_sent": "it was sent by it before",
    "recipient_erased": "the recipient was erased",
    "template_missing": "there is no template of that name",
    # digests
    "nothing_new": "there is nothing new",
    "not_a_member": "the recipient has left the group",
    "schedule_deleted": "its schedule was deleted",
    # auto-syncs
    "goal_met": "enough have answered",
    "auto_sync_deleted": "its auto-sync was deleted",
    "auto_sync_paused": "its auto-sync is paused",
    "auto_sync_completed": "its auto-sync is completed",
    "quota_exceeded": "a quota of the project is used up",
    "unknown_type": "nobody knows what it is",
}
_SUPPRESSIONS: Mapping[str, str] = {
    "opt_out": "they opted out",
    "manual": "added by hand",
    "bounce": "a message to it bounced",
    "complaint": "they complained",
}


def why(detail: Detail) -> str:
    """What `reason` says, with what stands beside it."""
    reason = str(detail.get("reason", "–"))
    said = _REASONS.get(reason, reason.replace("_", " "))
    if reason == "suppressed" and detail.get("suppression"):
        kind = str(detail["suppression"])
        return f"{said}: {_SUPPRESSIONS.get(kind, kind.replace('_', ' '))}"
    if reason == "muted" and detail.get("muted_until"):
        return f"{said} until {moment(detail['muted_until'])}"
    if reason == "capped":
        return f"{said}{at_most(detail)}"
    return said


def at_most(detail: Detail) -> str:
    """`, 3 in a day by the project's rule`; empty if the cap is not told."""
    cap = detail.get("cap")
    if not isinstance(cap, Mapping) or "max" not in cap:
        return ""
    whose = "by their own wish" if cap.get("of") == "recipient" else "by the project's rule"
    per = str(cap.get("per"))
    return f", {cap['max']} in {_SPANS.get(per, per)} {whose}"


def moment(value: object) -> str:
    """`2026-11-30 09:00:00 UTC` of a moment or of its text; any other text as it is."""
    if value is None:
        return "–"
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    day, found, rest = text.partition("T")
    if not found:
        return text
    time, zone = rest[:8], rest[8:].lstrip(".0123456789")
    return f"{day} {time} " + ("UTC" if zone in ("Z", "+00:00", "") else zone)
