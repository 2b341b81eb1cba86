"""What a list of jobs may be narrowed to, and the indexes that lead to them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from hermodr_contracts.vocabulary import Channel, DeliveryState, JobKind, JobState
from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.arguments import Arguments
from hermodr_ledger.engine.snapshots import Round, Stretch
from hermodr_ledger.jobs.reading import JOB_COLUMNS

PAYLOADS = ("metadata", "result")
Direction = Literal["ASC", "DESC"]
Time = Literal["scheduled_for", "processed_at"]
Reported = Literal["opened", "clicked"]
"""What a provider may have reported of a delivery that its state does not say."""

STANDING = frozenset(
    {JobState.SCHEDULED, JobState.RETRYING, JobState.FAILED, JobState.CANCELLED, JobState.SKIPPED}
)
"""The states in `job_standings`: long-lasting, and few jobs have them."""

LISTED = ", ".join(
    (JOB_COLUMNS | {name: f"NULL::jsonb AS {name}" for name in PAYLOADS} | {"xact": "j.xact"}).values()
)
"""The columns of a listed job; its payloads are fetched separately."""

_ERRING = frozenset(
    {
        DeliveryState.RETRYING,
        DeliveryState.FAILED,
        DeliveryState.BOUNCED,
        DeliveryState.SUPPRESSED,
        DeliveryState.SKIPPED,
        DeliveryState.UNKNOWN,
    }
)
"""The states of deliveries that have an error. No index has states: a claim changes them, and would write to all."""
_WAITING = frozenset({DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.RETRYING})
_LIVE = frozenset({JobState.QUEUED, JobState.PROCESSING})
_UNPROCESSED = (JobState.SCHEDULED, JobState.QUEUED, JobState.CANCELLED)
CLOCKS_APART = timedelta(seconds=10)
"""An id has the API's clock, `created_at` the database's; and a commit takes time."""
_LARGEST_MILLISECOND = (1 << 48) - 1


@dataclass(frozen=True, slots=True)
class Committed:
    """A later round has the rows of `stretch`, the first those its snapshot shows, if others were committed before
    `beyond`."""

    round: Round
    stretch: Stretch | None = None
    beyond: int | None = None

    def bounds(self, sql: Arguments) -> list[str]:
        """Conditions on an index."""
        if self.stretch is None:
            return []
        return [f"j.xact >= {sql.put(self.stretch.first)}", f"j.xact < {sql.put(self.stretch.beyond)}"]

    def conditions(self, sql: Arguments) -> list[str]:
        """Conditions on a row. Transactions beyond what is committed came with a dump."""
        shown = self.round.shown
        if self.stretch is None:
            return [
                f"(j.xact IS NULL OR j.xact < {sql.put(shown.first)} OR j.xact >= {sql.put(self.beyond)}"
                f" OR pg_visible_in_snapshot(j.xact, {sql.put(shown.value)}))"
            ]
        if self.stretch.these is not None:
            return [*self.bounds(sql), f"j.xact = ANY ({sql.put(list(self.stretch.these))}::xid8[])"]
        return [*self.bounds(sql), f"pg_visible_in_snapshot(j.xact, {sql.put(shown.value)})"]


@dataclass(frozen=True, slots=True)
class Filters:
    """`None` does not narrow. `without`: jobs that have no such time. Times are exclusive."""

    project_id: UUID
    owner_id: str | None = None
    states: tuple[JobState, ...] | None = None
    kind: JobKind | None = None
    type: str | None = None
    delivery_method: Channel | None = None
    recipient_id: UUID | None = None
    group_id: UUID | None = None
    batch_id: UUID | None = None
    cancel_key: str | None = None
    address: str | None = None
    """Where a delivery went, or the bare address of the request. Letter case does not count."""
    delivery_state: DeliveryState | None = None
    """Of one of its deliveries; of that on the channel `delivery_method` if both are given. So is `error`."""
    error: str | None = None
    reported: Reported | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    without: Time | None = None
    committed: Committed | None = None

    @property
    def of_deliveries(self) -> bool:
        return self.delivery_state is not None or self.error is not None

    @property
    def closely(self) -> bool:
        """Whether more than the row of a job has to be read to examine it."""
        return self.delivery_method is not None or self.of_deliveries or self.reported is not None

    def narrowed(
        self, *, states: tuple[JobState, ...] | None = None, without: Time | None = None
    ) -> "Filters":
        """With more filters. A job that was never processed is in one of three states."""
        if without == "processed_at":
            states = tuple(each for each in self.states or _UNPROCESSED if each in _UNPROCESSED)
        return replace(
            self, states=self.states if states is None else states, without=without or self.without
        )


@dataclass(frozen=True, slots=True)
class Source:
    """Tables, as `j`, and an index of each: `lead`: columns before the id with values; `between`: ids. `elsewhere`:
    they have ids only, the same perhaps more than once if there are several."""

    lead: tuple[tuple[str, object], ...] = ()
    between: tuple[UUID, UUID] | None = None
    tables: tuple[str, ...] = ("hermodr.jobs",)
    elsewhere: bool = False
    of_type: str | None = None
    """Read from the index itself, so that rows of other types are skipped."""
    repeats: bool = False
    """It has the same id more than once, in a row."""
    answers: frozenset[str] = frozenset()
    """Names of filters that hold for all of its jobs."""

    def unanswered(self, filters: Filters) -> Filters:
        answered: dict[str, Any] = dict.fromkeys(self.answers)
        return replace(filters, **answered)


_DELIVERED = (
    "(SELECT job_id AS id, project_id, lower(address) AS address FROM hermodr.deliveries WHERE {which})"
)
_BY_ADDRESS = (
    "(SELECT id, project_id, lower(coalesce(to_email, to_phone)) AS address FROM hermodr.jobs"
    " WHERE coalesce(to_email, to_phone) IS NOT NULL)",
    _DELIVERED.format(which="wake_at IS NOT NULL AND recipient_id IS NOT NULL"),
    _DELIVERED.format(which="wake_at IS NULL AND recipient_id IS NOT NULL"),
)
"""A delivery to a bare address is found by its job."""

_WITH_ERRORS = "(SELECT job_id AS id, project_id, error FROM hermodr.deliveries WHERE error IS NOT NULL)"
_OF_REPORTS = (
    "(SELECT job_id AS id FROM hermodr.events WHERE kind = 'reported' AND detail ->> 'kind' = '{kind}')"
)
"""Of all projects: never in the order of a list, whose marks would name other projects' jobs."""


async def batch_range(ledger: Statements, filters: Filters) -> tuple[UUID, UUID] | None:
    """The ids between which the batch's jobs lie; `None` if the project has no such batch."""
    if filters.batch_id is None:
        return None
    rows = await ledger.fetch(
        "SELECT first_job_id, last_job_id FROM hermodr.batches WHERE id = $1 AND project_id = $2",
        filters.batch_id,
        filters.project_id,
    )
    return (rows[0]["first_job_id"], rows[0]["last_job_id"]) if rows else None


def ways(filters: Filters, batch: tuple[UUID, UUID] | None) -> list[Source]:
    """Indexes with such jobs in the order of ids, the narrowest first. The last has the whole project."""
    project = ("project_id", filters.project_id)
    found = []
    if filters.cancel_key is not None:
        found.append(Source((project, ("cancel_key", filters.cancel_key))))
    if filters.address is not None:
        lead = (project, ("address", filters.address))
        found.append(Source(lead, tables=_BY_ADDRESS, elsewhere=True))
    found += _of_deliveries(filters, project)
    if filters.recipient_id is not None:
        found.append(Source((("recipient_id", filters.recipient_id),)))
    if filters.owner_id is not None:
        found.append(Source((project, ("owner_id", filters.owner_id))))
    if filters.group_id is not None:
        found.append(Source((("group_id", filters.group_id),)))
    if batch is not None:
        found.append(Source((project,), between=batch))
    if filters.states is not None and len(filters.states) == 1 and filters.states[0] in STANDING:
        state = ("state", filters.states[0])
        found.append(Source((project, state), tables=("hermodr.job_standings",), elsewhere=True))
    return [*found, Source((project,), of_type=filters.type)]


def _of_deliveries(filters: Filters, project: tuple[str, object]) -> list[Source]:
    """By what was asked of a delivery; it answers that if nothing else was, as all is about one delivery."""
    found = []
    state, error = filters.delivery_state, filters.error
    alone = filters.delivery_method is None and (state is None or error is None)
    if error is not None:
        lead = (project, ("error", error))
        found.append(_at_deliveries(lead, "error" if alone else None))
    if state in _ERRING:
        found.append(_at_deliveries((project,)))
    return found


def _at_deliveries(lead: tuple[tuple[str, object], ...], answers: str | None = None) -> Source:
    settled = frozenset([answers] if answers is not None else ())
    return Source(lead, tables=(_WITH_ERRORS,), elsewhere=True, repeats=True, answers=settled)


def unordered(filters: Filters) -> list[Source]:
    """Indexes of all projects, which lead to jobs if they have few rows."""
    found = [_live(filters)]
    kinds: list[str] = [filters.reported] if filters.reported is not None else []
    if filters.delivery_state is DeliveryState.COMPLAINED:
        kinds.append(filters.delivery_state)
    found += [Source(tables=(_OF_REPORTS.format(kind=kind),), elsewhere=True) for kind in kinds]
    return [each for each in found if each is not None]


def _live(filters: Filters) -> Source | None:
    """The small indexes of waiting jobs, if only such jobs are wanted."""
    if filters.delivery_state in _WAITING:
        waiting = f"wake_at IS NOT NULL AND state = '{filters.delivery_state}'"
        return Source(
            tables=(f"(SELECT job_id AS id, project_id FROM hermodr.deliveries WHERE {waiting})",),
            elsewhere=True,
        )
    if filters.states is None or not set(filters.states) <= _LIVE | STANDING:
        return None
    if len(filters.states) == 1 and filters.states[0] in STANDING:
        return None  # `ways` has them in order
    tables = []
    if set(filters.states) & _LIVE:
        tables.append("SELECT id, project_id, NULL AS state FROM hermodr.jobs WHERE wake_at IS NOT NULL")
    if JobState.PROCESSING in filters.states:  # of some the next step waits: these are among the jobs
        tables.append("SELECT job_id, project_id, NULL FROM hermodr.deliveries WHERE wake_at IS NOT NULL")
    standing = sorted(set(filters.states) & STANDING)
    if standing:
        names = ", ".join(f"'{state}'" for state in standing)
        tables.append(
            f"SELECT id, project_id, state FROM hermodr.job_standings WHERE state IN ({names})"
            f" AND project_id = '{filters.project_id}'"
        )
    return Source(tables=(f"({' UNION ALL '.join(tables)})",), elsewhere=True)


def conditions(sql: Arguments, filters: Filters) -> list[str]:
    found = [f"j.project_id = {sql.put(filters.project_id)}", *bounds(sql, filters)]
    for column in ("owner_id", "kind", "type", "recipient_id", "group_id", "batch_id", "cancel_key"):
        value = getattr(filters, column)
        if value is not None:
            found.append(f"j.{column} = {sql.put(value)}")
    if filters.states is not None:
        found.append(f"j.state = ANY ({sql.put([str(each) for each in filters.states])}::text[])")
    if filters.created_after is not None:
        found.append(f"j.created_at > {sql.put(filters.created_after)}")
    if filters.created_before is not None:
        found.append(f"j.created_at < {sql.put(filters.created_before)}")
    if filters.without is not None:
        found.append(f"j.{filters.without} IS NULL")
    if filters.of_deliveries:
        found.append(_by_delivery(sql, filters))
    elif filters.delivery_method is not None:
        found.append(_by_method(sql.put(str(filters.delivery_method))))
    if filters.reported is not None:
        found.append(_by_reports(filters.reported))
    if filters.address is not None:
        found.append(_by_address(put(sql, "address", filters.address)))
    if filters.committed is not None:
        found += filters.committed.conditions(sql)
    return found


_DELIVERIES = (
    "SELECT 1 FROM hermodr.deliveries d WHERE d.id > j.id AND d.id <= (left(j.id::text, -4) || 'ffff')::uuid"
)


def _by_method(method: str) -> str:
    """By the channels of its deliveries, or of the request if there are none."""
    return (
        f"(EXISTS ({_DELIVERIES} AND d.channel = {method})"
        f" OR ({method}::text = ANY (j.channels) AND NOT EXISTS ({_DELIVERIES})))"
    )


def _by_delivery(sql: Arguments, filters: Filters) -> str:
    """Behind a fence: else the planner might read all with the error, for every job."""
    wanted = {"channel": filters.delivery_method, "state": filters.delivery_state, "error": filters.error}
    given = [f"c.{name} = {sql.put(str(value))}" for name, value in wanted.items() if value is not None]
    children = _DELIVERIES.replace("SELECT 1", "SELECT d.channel, d.state, d.error")
    return f"EXISTS (SELECT 1 FROM ({children} OFFSET 0) c WHERE {' AND '.join(given)})"


def _by_reports(kind: Reported) -> str:
    """A constant, or the index of such events were not used."""
    which = f"e.job_id = j.id AND e.kind = 'reported' AND e.detail ->> 'kind' = '{kind}'"
    return f"EXISTS (SELECT 1 FROM hermodr.events e WHERE {which} OFFSET 0)"  # else all of them are hashed


def _by_address(address: str) -> str:
    went = f"EXISTS ({_DELIVERIES} AND d.recipient_id IS NOT NULL AND lower(d.address) = {address})"
    return f"(lower(coalesce(j.to_email, j.to_phone)) = {address} OR {went})"


def put(sql: Arguments, name: str, value: object) -> str:
    """The value of a column of a source. The database lowers addresses, there as here."""
    return f"lower({sql.put(value)}::text)" if name == "address" else sql.put(value)


def bounds(sql: Arguments, filters: Filters) -> list[str]:
    found = []
    if filters.created_after is not None:
        found.append(f"j.id >= {sql.put(floor_of(filters.created_after, -CLOCKS_APART))}")
    if filters.created_before is not None:
        found.append(f"j.id < {sql.put(floor_of(filters.created_before, CLOCKS_APART))}")
    return found


def floor_of(moment: datetime, apart: timedelta = timedelta(0)) -> UUID:
    """The least id of the millisecond, moved by `apart`."""
    since = (moment - datetime(1970, 1, 1, tzinfo=UTC) + apart) // timedelta(milliseconds=1)
    return UUID(int=min(max(since, 0), _LARGEST_MILLISECOND) << 80)
