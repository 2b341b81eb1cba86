"""The exceptions of the client.

    HermodrError
    ├── NotConfigured        no address, no key, or one that is malformed (also a ValueError)
    ├── NotSendable          an argument that no request can carry (also a ValueError); nothing was sent
    ├── ClientUnusable       the client is closed, or of another event loop (also a RuntimeError)
    ├── NoAnswer             the network: no whole answer came back
    ├── MalformedAnswer      the answer is not Hermodr's: a proxy's page, another version
    ├── StillUnfinished      `jobs.wait` gave up (also a TimeoutError)
    ├── BatchUnfinished      `batches.wait` gave up (also a TimeoutError)
    ├── BulkActionUnfinished `bulk_actions.wait` gave up (also a TimeoutError)
    ├── BulkInterrupted      `send_many` ended before its last request; says how far it came
    └── Problem              Hermodr refused (RFC 9457)
        ├── BadRequest             400
        ├── Unauthenticated        401   the key is missing, wrong or revoked
        ├── Forbidden              403   the key lacks the scope
        ├── NotFound               404   it does not exist, or is someone else's
        ├── Conflict               409
        │   ├── SingletonTaken           a job with this singleton key is not finished
        │   └── StillRunning             the first request with this Idempotency-Key has no answer yet
        ├── TooLarge               413
        ├── Invalid                422   `errors` names every flaw
        │   └── IdempotencyKeyReused     the key was used for another request
        ├── RateLimited            429   `retry_after`
        └── ServerError            5xx
            └── Unavailable        503   `retry_after`, `cause`

No exception holds an API key or what was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hermodr_client.models.bulk_actions import BulkAction
    from hermodr_client.models.jobs import Batch, JobDetail
    from hermodr_client.models.notifications import BulkResult

TYPE_PREFIX = "urn:hermodr:problem:"


class HermodrError(Exception):
    """Everything this library raises by itself."""


class NotConfigured(HermodrError, ValueError):
    """An address, a key or another setting is missing or malformed; nothing was sent."""


class NotSendable(HermodrError, ValueError):
    """An argument that no request can carry; the text says which and why. Nothing was sent."""


class ClientUnusable(HermodrError, RuntimeError):
    """The client is closed, or belongs to another event loop."""


class NoAnswer(HermodrError):
    """No whole answer came. `reached`: the request may have been carried out; with an Idempotency-Key it can be
    repeated."""

    def __init__(self, reason: str, *, reached: bool, attempts: int) -> None:
        self.reason = reason
        self.reached = reached
        self.attempts = attempts
        tries = f" after {attempts} attempts" if attempts > 1 else ""
        super().__init__(f"no answer{tries}: {reason}")


class MalformedAnswer(HermodrError):
    """The status says success, but the body has another form."""

    def __init__(self, reason: str, status: int) -> None:
        self.status = status
        super().__init__(f"the answer ({status}) {reason}; is this the address of Hermodr's API?")


class StillUnfinished(HermodrError, TimeoutError):
    """The job did not end in time. `last` is its last known state."""

    def __init__(self, last: JobDetail, seconds: float) -> None:
        self.last = last
        super().__init__(f"job {last.job.id} is still {last.job.status} after {seconds:g} s")


class BatchUnfinished(HermodrError, TimeoutError):
    """Not all jobs of the batch ended in time. `last` is its last known state."""

    def __init__(self, last: Batch, seconds: float) -> None:
        self.last = last
        counts = ", ".join(f"{number} {state}" for state, number in last.counts.items())
        super().__init__(f"batch {last.batch_id} is not finished after {seconds:g} s ({counts})")


class BulkActionUnfinished(HermodrError, TimeoutError):
    """The bulk action did not end in time, and goes on. `last` is its last known state."""

    def __init__(self, last: BulkAction, seconds: float) -> None:
        self.last = last
        super().__init__(
            f"bulk action {last.id} is still {last.status} after {seconds:g} s ({last.done} done)"
        )


class BulkInterrupted(HermodrError):
    """`send_many` ended early: a request failed, or after the first one `items` could not be read on; that error is the
    `__cause__`.

    `sent` was accepted before. Calling again with the same items and the same `idempotency_key` (`key`) sends the
    rest, and nothing twice.
    """

    def __init__(self, sent: BulkResult, key: str) -> None:
        self.sent = sent
        self.key = key
        super().__init__(f"interrupted after {sent.accepted} accepted notifications; go on with the same key")


@dataclass(frozen=True, slots=True)
class Flaw:
    """One error in a request: `loc` is its place, `msg` describes it."""

    loc: tuple[str | int, ...]
    msg: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.loc))}: {self.msg}" if self.loc else self.msg


class Problem(HermodrError):
    """A refusal. `members` are those of its document beside the standard ones, such as `job_id`."""

    def __init__(
        self,
        status: int,
        title: str,
        *,
        type: str = "about:blank",
        detail: str = "",
        errors: tuple[Flaw, ...] = (),
        request_id: str = "",
        retry_after: float | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        self.status = status
        self.title = title
        self.type = type
        self.detail = detail
        self.errors = errors
        self.request_id = request_id
        self.retry_after = retry_after
        self.members = dict(members or {})
        self.uncertain = False
        """Whether an earlier attempt of this request may have been carried out: its answer got lost."""
        flaws = [text for text in map(str, errors) if text not in detail]
        text = ": ".join(filter(None, [f"{status} {title}", "; ".join(filter(None, [detail, *flaws]))]))
        super().__init__(f"{text} (request {request_id})" if request_id else text)


class BadRequest(Problem): ...


class Unauthenticated(Problem): ...


class Forbidden(Problem): ...


class NotFound(Problem):
    """404: it does not exist, or belongs to someone else."""


class Conflict(Problem): ...


class SingletonTaken(Conflict): ...


class StillRunning(Conflict): ...


class TooLarge(Problem): ...


class Invalid(Problem): ...


class IdempotencyKeyReused(Invalid): ...


class RateLimited(Problem): ...


class QuotaExceeded(RateLimited):
    """429: the project has used up what it may."""

    @property
    def quota(self) -> str | None:
        """`accepted_per_day`, `requests_per_second`, …"""
        quota = self.members.get("quota")
        return quota if isinstance(quota, str) else None


class ServerError(Problem): ...


class Unavailable(ServerError):
    """503: not possible at the moment."""

    @property
    def cause(self) -> str | None:
        """`database`, `read_only`, `lock`, `overload` or `keys`; `None` when a server in between answered."""
        cause = self.members.get("cause")
        return cause if isinstance(cause, str) else None


_BY_TYPE: dict[str, type[Problem]] = {
    TYPE_PREFIX + "singleton-taken": SingletonTaken,
    TYPE_PREFIX + "still-running": StillRunning,
    TYPE_PREFIX + "idempotency-key-reused": IdempotencyKeyReused,
    TYPE_PREFIX + "quota-exceeded": QuotaExceeded,
}
_BY_STATUS: dict[int, type[Problem]] = {
    400: BadRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: Invalid,
    429: RateLimited,
    503: Unavailable,
}


def kind_of(status: int, type: str) -> type[Problem]:
    return _BY_TYPE.get(type) or _BY_STATUS.get(status) or (ServerError if status >= 500 else Problem)
