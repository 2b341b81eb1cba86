"""What end users are told of the details of events: what is named here. A new event tells nothing by accident."""

from collections.abc import Mapping
from typing import Any

_OF_JOBS = "kind type priority batch_id schedule_id expires_at max_retries by job_id was ended_at"
_OF_TIMES = "scheduled_for until at started_at window_id total items updates more"
_OF_DECISIONS = "channel template template_version locale critical wish cap suppression reason"
_OF_ATTEMPTS = (
    "number provider outcome code resolved_as proof automatic segments encoding country state error"
)
TOLD = frozenset(" ".join((_OF_JOBS, _OF_TIMES, _OF_DECISIONS, _OF_ATTEMPTS)).split())


def told(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in detail.items() if name in TOLD}
