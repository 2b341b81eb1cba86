"""Facts about a database for an operator; read only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hermodr_ledger.engine import Ledger, schema_version
from hermodr_ledger.engine.schema_version import SchemaVersion

_PARENTS = ("jobs", "deliveries", "attempts", "events", "attachments")


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """`version` in the server's spelling."""

    version: str
    version_number: int
    encoding: str
    timezone: str
    read_only: bool
    durable: bool
    """Whether commits survive a crash: `fsync` and `synchronous_commit` are on."""
    connections: int
    most_connections: int
    now: datetime
    schema: SchemaVersion


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """`covered_until`: the earliest end of partitions over all tables; `strays`: tables with rows in the catch-all
    partition; `writable`: whether our role may insert jobs."""

    covered_until: datetime
    strays: tuple[str, ...]
    writable: bool


async def server(ledger: Ledger) -> ServerFacts:
    """Raises `LedgerUnavailable`, and the driver's errors if the database refuses us."""
    (row,) = await ledger.fetch(
        """
        SELECT current_setting('server_version') AS version,
               current_setting('server_version_num')::int AS version_number,
               current_setting('server_encoding') AS encoding,
               current_setting('TimeZone') AS timezone,
               pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS read_only,
               current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off' AS durable,
               (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
               current_setting('max_connections')::int AS most_connections,
               clock_timestamp() AS now
        """
    )
    facts = dict(row)
    return ServerFacts(**facts, schema=await schema_version.read(ledger))


async def tables(ledger: Ledger) -> LedgerFacts:
    """Needs a ledger at the head revision. Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(
        """
        SELECT min(until) AS covered_until FROM (
            SELECT max(to_timestamp(right(c.relname, 8) || ' +00', 'YYYYMMDD TZH')) + interval '7 days' AS until
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
            WHERE p.oid = ANY($1::regclass[]) AND c.relname ~ '_[0-9]{8}$' GROUP BY p.relname
        ) weeks
        """,
        [f"hermodr.{parent}" for parent in _PARENTS],
    )
    strays = []
    for parent in _PARENTS:
        (found,) = await ledger.fetch(f"SELECT EXISTS (SELECT 1 FROM hermodr.{parent}_rest) AS any")
        if found["any"]:
            strays.append(parent)
    (may,) = await ledger.fetch("SELECT has_table_privilege('hermodr.jobs', 'INSERT') AS write")
    return LedgerFacts(rows[0]["covered_until"], tuple(strays), may["write"])


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """One that has been open for long. `prepared`: its name is a `gid`, else the process id; `of`: the application."""

    name: str
    of: str
    prepared: bool
    seconds: float


async def long_open(ledger: Ledger, seconds: float) -> list[OpenTransaction]:
    """The transactions of this database that have been open for so long, the oldest first, ten at most. Of other roles
    only what PostgreSQL shows us. Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(
        """
        SELECT name, of, prepared, extract(epoch FROM clock_timestamp() - since)::float8 AS seconds FROM (
            SELECT pid::text AS name, application_name AS of, false AS prepared, xact_start AS since
            FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
            UNION ALL
            SELECT gid, '', true, prepared FROM pg_prepared_xacts WHERE database = current_database()
        ) open WHERE since <= clock_timestamp() - make_interval(secs => $1) ORDER BY since LIMIT 10
        """,
        seconds,
    )
    return [OpenTransaction(**row) for row in rows]


@dataclass(frozen=True, slots=True)
class Login:
    """A database role, the services that are connected as it, and what makes it more than they need."""

    role: str
    services: tuple[str, ...]
    superuser: bool
    owner: bool


async def logins(ledger: Ledger, services: Sequence[str]) -> list[Login]:
    """As whom those of the services are connected that are. Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(
        """
        SELECT r.rolname AS role, array_agg(DISTINCT substr(a.application_name, 9)) AS services,
            r.rolsuper AS superuser, bool_or(r.oid = n.nspowner) AS owner
        FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
        JOIN pg_namespace n ON n.nspname = 'hermodr'
        WHERE a.datname = current_database() AND a.application_name = ANY($1) GROUP BY r.rolname, r.rolsuper
        """,
        [f"hermodr-{service}" for service in services],
    )
    return [Login(row["role"], tuple(row["services"]), row["superuser"], row["owner"]) for row in rows]
