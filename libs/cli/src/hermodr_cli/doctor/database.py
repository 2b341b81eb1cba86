"""The database: reachable, up to date, with partitions ahead, and its clock beside ours."""

from datetime import timedelta
from urllib.parse import urlsplit

import asyncpg

from hermodr_cli import output
from hermodr_cli.doctor.finding import Area, Finding
from hermodr_cli.doctor.patient import START
from hermodr_contracts.vocabulary import JobKind
from hermodr_ledger.dead_letters import burying
from hermodr_ledger.deliveries import pauses
from hermodr_ledger.engine import Ledger, LedgerUnavailable, setting_aside
from hermodr_ledger.engine.schema_version import head
from hermodr_ledger.rights.declared import ROLE_OF
from hermodr_ledger.tasks import types
from hermodr_ledger.upkeep import inspection, retention
from hermodr_ledger.upkeep.inspection import Login, OpenTransaction, ServerFacts
from hermodr_servicekit.clock import Clock

AREA = Area("database")
CLOCK = Area("clock")
OLDEST_VERSION = 140000
CONNECT_SECONDS = 5.0
ROOM_AHEAD = timedelta(days=7)
NOTICEABLE, INTOLERABLE = timedelta(seconds=1), timedelta(seconds=30)
LATE_SECONDS = 120
LONG_OPEN_SECONDS = 120.0
_CROWDED = 0.8


async def examine(url: str, clock: Clock, start: str = START) -> list[Finding]:
    """Stops at a failure that makes the other checks impossible. `start`: how to start the server, as advice."""
    if refusal := await _refusal(url, start):
        return [refusal]
    ledger = Ledger(
        url, service="doctor", pool_size=1, connection_seconds=5, statement_seconds=10, planning={}
    )
    try:
        await inspection.server(ledger)  # connecting takes its time, which is no difference of clocks
        asked = clock.now()
        facts = await inspection.server(ledger)
        answered = clock.now()
        found = [*_server(url, facts), _schema(facts)]
        found.append(_clock(facts.now - (asked + (answered - asked) / 2), answered - asked))
        found += [_open(each) for each in await inspection.long_open(ledger, LONG_OPEN_SECONDS)]
        if facts.schema.ours:
            found += await _tables(ledger, clock)
        return found
    except (LedgerUnavailable, asyncpg.PostgresError) as error:
        remedy = "look at the server's log, and try again"
        return [AREA.failed("reachable", f"it stopped answering ({type(error).__name__})", remedy)]
    finally:
        await ledger.close()


async def _refusal(url: str, start: str) -> Finding | None:
    place = _place(url)
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
        await connection.close()
    except asyncpg.InvalidCatalogNameError:
        remedy = "create it (createdb), or correct HERMODR_DATABASE_URL"
        return AREA.failed("reachable", f"{place}: there is no such database", remedy)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        remedy = "correct user and password in HERMODR_DATABASE_URL (percent-encode @ : / in a password)"
        return AREA.failed("reachable", f"{place}: it refuses our user or password", remedy)
    except (TimeoutError, OSError) as error:
        remedy = f"{start.format(command='migrate')}; or correct HERMODR_DATABASE_URL"
        return AREA.failed("reachable", f"{place}: no answer ({type(error).__name__})", remedy)
    except asyncpg.InternalClientError:  # none of several hosts is as the URL's target_session_attrs wants it
        remedy = "promote a standby, or correct HERMODR_DATABASE_URL"
        return AREA.failed("reachable", f"{place}: none of its hosts takes writes", remedy)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        remedy = "look at the server's log, and at HERMODR_DATABASE_URL"
        return AREA.failed("reachable", f"{place}: it does not let us in ({type(error).__name__})", remedy)
    return None


def _place(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.hostname or 'local socket'}:{parts.port or 5432}{parts.path}"
    except ValueError:
        return "HERMODR_DATABASE_URL"


def _server(url: str, facts: ServerFacts) -> list[Finding]:
    found = [AREA.ok("reachable", f"{_place(url)}, PostgreSQL {facts.version.split(' ')[0]}")]
    if facts.version_number < OLDEST_VERSION:
        found.append(AREA.warning("version", "older than 14: untried", "upgrade PostgreSQL"))
    if facts.encoding != "UTF8":
        remedy = "move to a database created with ENCODING 'UTF8'"
        found.append(AREA.failed("encoding", f"{facts.encoding}: texts cannot be stored whole", remedy))
    else:
        found.append(AREA.ok("encoding", f"UTF8, time zone {facts.timezone}"))
    if facts.read_only:
        remedy = "point HERMODR_DATABASE_URL at the primary"
        found.append(AREA.failed("writable", "it takes no writes: a standby, or set read-only", remedy))
    if not facts.durable:
        remedy = "set fsync and synchronous_commit on, unless the data may be lost"
        found.append(
            AREA.warning("durable", "a crash of the server loses what it said was committed", remedy)
        )
    if facts.connections > _CROWDED * facts.most_connections:
        text = f"{facts.connections} of {facts.most_connections} connections are taken"
        found.append(AREA.warning("connections", text, "raise max_connections, or run fewer services"))
    return found


def _open(transaction: OpenTransaction) -> Finding:
    """It may hold rows, keys or tables; who needs them is answered 503, or their mails wait."""
    took = f"for {transaction.seconds:.0f} s"
    if transaction.prepared:
        text = f"{transaction.name!r} is prepared, and has been open {took}: what it locked stays locked"
        remedy = "COMMIT PREPARED or ROLLBACK PREPARED it: no restart ends it"
    else:
        text = f"process {transaction.name} ({transaction.of or 'unnamed'}) has one open {took}"
        remedy = f"if nobody needs it: SELECT pg_terminate_backend({transaction.name})"
    return AREA.warning("transaction", text, remedy)


def _schema(facts: ServerFacts) -> Finding:
    schema = facts.schema
    if schema.ahead:
        text = f"revision {schema.revision} is of a newer Hermodr (this one knows {head()})"
        if schema.ours:
            return AREA.warning("schema", f"{text}, and this one may run on it", "finish the upgrade")
        return AREA.failed("schema", text, "run the newer Hermodr")
    if schema.ours:
        return AREA.ok("schema", f"revision {schema.revision}, the newest")
    text = f"revision {schema.revision or 'none'}, behind this code ({head()})"
    return AREA.failed("schema", text, "run `hermodr migrate`")


async def _tables(ledger: Ledger, clock: Clock) -> list[Finding]:
    facts = await inspection.tables(ledger)
    found = []
    if not facts.writable:
        remedy = "grant the role what `hermodr migrate` made, or use the role that ran it"
        found.append(AREA.failed("rights", "our role may not insert jobs", remedy))
    days = (facts.covered_until - clock.now()) / timedelta(days=1)
    if facts.covered_until <= clock.now() + ROOM_AHEAD:
        remedy = "see that a scheduler runs: it makes them, and logs why if it cannot"
        make = AREA.failed if days <= 0 else AREA.warning
        found.append(make("partitions", f"tables for {max(0.0, days):.0f} more days only", remedy))
    else:
        found.append(AREA.ok("partitions", f"tables for the next {days:.0f} days"))
    if facts.strays:
        text = f"rows outside of every week in {', '.join(facts.strays)}"
        remedy = "a clock was wrong, or weeks were missing: see docs/runbook.md (partitions)"
        found.append(AREA.warning("strays", text, remedy))
    return [*found, *map(_login, await inspection.logins(ledger, list(ROLE_OF))), *await _backlog(ledger)]


def _login(login: Login) -> Finding:
    """Who breaks into a service gets what its role may do."""
    who = f"{', '.join(login.services)}: role {login.role}"
    remedy = "give each service the role that is made for it: docs/reference/roles.md"
    if login.superuser or login.owner:
        what = "a superuser" if login.superuser else "the tables' owner"
        return AREA.warning("roles", f"{who}, {what}, may do anything", remedy)
    if len(login.services) > 1:
        return AREA.warning("roles", f"{who} is shared", remedy)
    return AREA.ok("roles", who)


async def _backlog(ledger: Ledger) -> list[Finding]:
    found = []
    if dead := await burying.count(ledger):
        remedy = "look at them: `hermodr dead-letters list`"
        found.append(AREA.warning("dead letters", f"{output.counted(dead, 'letter')} not replayed", remedy))
    for aside in await setting_aside.all_aside(ledger):
        remedy = "look at the row, and at the scheduler's log: docs/runbook.md (rows set aside)"
        found.append(AREA.warning("set aside", f"scheduler, {aside}", remedy))
    for pause in await pauses.paused(ledger):
        why = f" ({pause.reason})" if pause.reason else ""
        text = f"channel {pause.channel} is paused since {pause.paused_at:%Y-%m-%dT%H:%M:%SZ}{why}: nothing is sent"
        remedy = f"when that may end: `hermodr queues resume {pause.channel}`, with a key of scope admin"
        found.append(AREA.warning("paused", text, remedy))
    waiting = await retention.waiting(ledger)
    if unserved := await types.unserved(ledger):
        names = ", ".join(name[:40] for name in unserved)
        remedy = f"install the package with {names} beside a worker, or cancel them"
        text = f"{output.counted(sum(unserved.values()), 'task')} without a worker"
        found.append(AREA.warning("tasks", text, remedy))
    served = [each for each in waiting if each.kind != JobKind.TASK]
    jobs = sum(each.jobs for each in served)
    due = "1 is due" if jobs == 1 else f"{jobs} are due"
    oldest = max((each.oldest_seconds for each in served), default=0.0)
    if oldest > LATE_SECONDS:
        remedy = "see the services and queues below; a provider may be slow or away, or a channel paused"
        found.append(AREA.warning("waiting", f"{due}, the oldest for {oldest:.0f} s", remedy))
    else:
        found.append(AREA.ok("waiting", due))
    return found


def _clock(ahead: timedelta, taken: timedelta) -> Finding:
    """The database's clock against ours; the duration of the query is the uncertainty."""
    off = abs(ahead) - taken / 2
    text = (
        f"the database's is {abs(ahead).total_seconds():.3f} s {'ahead' if ahead > timedelta() else 'behind'}"
    )
    remedy = "let both machines keep time (chrony, systemd-timesyncd)"
    if off > INTOLERABLE:
        return CLOCK.failed("difference", text, remedy)
    if off > NOTICEABLE:
        return CLOCK.warning("difference", text, remedy)
    return CLOCK.ok("difference", text)
