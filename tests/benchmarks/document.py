"""docs/benchmarks.md, as a run found things: the machine, the command, the tables, and what was left out."""

from collections.abc import Mapping, Sequence

from hermodr_cli import state
from tests.benchmarks import report
from tests.benchmarks.circumstances import Circumstances
from tests.benchmarks.posts import BARE
from tests.benchmarks.results import Result, Rounds, disturbed, middle

PAGE = """\
# Benchmarks

This page is written by the harness itself: `{run.command}`, on {run.date}, commit {run.commit}. Numbers depend on the
machine and on what else it does; the ratios, taken in the same run, are what to look at. The load average when a
measurement began stands beside it.

Machine: {run.machine}. Versions: {run.versions}.

**{verdict}**

Everything runs on this one machine: the services (one process per role), PostgreSQL with `fsync` on, RabbitMQ, and the
mail server that takes the mails. Every system sends the same text and HTML mail, and every recipient has to get it
exactly once.
The time runs from the first request to the last mail's arrival. Servers are started for the run and belong to it alone.
The peers in Python run on the same interpreter as Hermodr. One built with optimisations is a sixth faster for all of
them (`make bench PYTHON=/usr/bin/python3`).

To run it yourself: `make bench QUICK=1 PEERS=none` takes minutes, `make bench` half an hour to an hour and 20 GB of
disk. What it installs and which variables it knows: [CONTRIBUTING.md](../CONTRIBUTING.md#speed). Where a role spends
its time: `make profile ROLE=email-sender`.

{disturbed}
{bulk}
{others}
{missing}
## How Hermodr and the peers are set up

Hermodr takes bulk requests of 1,000 notifications, and has 20 connections to the mail server, twice the default: 12 are
for mails of normal priority, which these are. (BullMQ's nodemailer has 10, Dramatiq 16, Procrastinate 20.)

The code is in `tests/benchmarks/peers`. Those in Python build the mail with `MIMEMultipart` (a third of the cost of
`EmailMessage`); all keep their SMTP connections.

- Celery + row: late acks, prefork with a process per core, prefetch 64, one row per mail, inserted by the producer and
  updated by the worker.
- Celery + row, quorum, confirms: the same with a quorum queue and publisher confirms; the nearest to what Hermodr
  guarantees.
- Dramatiq: a process per core with eight threads, no rows: nobody knows afterwards what was sent.
- Procrastinate: two processes, ten tasks at a time, deferred in batches of 1,000; what is due later is looked for
  every five seconds, its default.
- BullMQ + nodemailer: one process, 50 jobs at a time, added in batches of 1,000; Redis with its append-only file
  (written to disk once a second); no rows.

The peers send fewer mails than Hermodr, as the column says; all are warmed up before.

Single mails go to the peers one by one from their producer (`request_to_sent`: ours come over HTTP), or a thousand
are handed in ten seconds before the first is due (`scheduled`). Celery and Dramatiq keep what is due later in the
memory of their workers; the others look for it in their store.

Tasks do nothing; what counts is the time from the first request to the last one's end, with one worker: of Hermodr one
process with 50 places, asked over HTTP one by one; of Celery one with a process per core, results kept in the same
PostgreSQL; of Procrastinate one process with 50 at a time, deferred in batches of 1,000 and without results; of pg-boss
one process, handed batches of 1,000, which it fetches, runs and completes together, every half second at the earliest.
"""
BULK = """\
## Bulk: HTML mails end to end

`ratio` is Hermodr's rate divided by the peer's of the same round, as machines are faster and slower from minute to
minute; the median of the rounds, and under `rounds` the least and the most. CPU in seconds per 1,000 mails; `own CPU`
and `own MB` are all processes of the system itself with its producer (ours is the harness, whose memory is not
counted); `all CPU` adds the servers, without the sink, and `CPU ratio` compares it. `others` is the share of the
machine's work meanwhile that had nothing to do with the measurement: where it is not small, the CPU ratio says more
than the rate. {rounds}

Target: {target}. {met}

{table}

Hermodr by role:

{roles}
"""
OTHERS = """\
## One at a time

A ratio above 1 means that Hermodr is better. A single mail takes it longer than the peers: they answer for less. Here a
request goes over HTTP, is committed before it is answered, is decided upon and sent by two services, and in a crowd
waits up to 20 ms for company, which spares all of them a third of their work
([ADR 0028](adr/0028-single-mails-cost-round-trips.md)).
{machine}
{table}

- `posts`: single POSTs over 32 connections, api and database alone (`api_cpu` is the api's process); then once more
  with everything being sent.
- `accept_at_200`: from the moment a request was due to its `202`, 200 a second, everything being sent.
- `accepted_to_sent_at_100`, `request_to_sent_at_100`: from the `202`, or from the moment the request was due, to the
  mail server's `250`; 100 a second.
- `scheduled_spread`, `scheduled_at_once`: from the moment a mail was due to its arrival at the mail server, so with
  announcing, deciding and sending; 1,000 mails 10 ms apart, or all due at one instant.
- `100,000 mails`: five blocks of bulk on one installation, the first against the last.
- `listing`: pages of `GET /v1/jobs` over a million jobs by filter and order, the 99th percentile of each; `job` and
  `timeline` are those of one job.
- `console`: each page of the console over a million jobs, the 95th percentile of the api's time for one visitor; and
  the first page with all that it fetches, compressed.
- `ledgers`: bulk with so many jobs of past weeks in the ledger; each is to keep 0.9 of the smallest one's rate.
- `turns`: at a provider of 50 mails a second, how long one mail takes beside another project's 50,000, which three
  senders send; their rate together over 20 s; Jain's index of the shares of 100 projects with 10 to 1,000 mails each.
- `provider_of_300_ms`: 1,000 mails in bulk over an HTTP provider whose every call takes 300 ms; one sender process at
  its default concurrency (80, of which 48 are for mails of normal priority), no rate limit.
- `sql`: `hermodr.enqueue` in batches, and from a commit in SQL until it is decided upon.
"""
SLOWER = """
The targets were set on a machine on which the bare FastAPI + INSERT answered {then:,} requests a second. Here it
answered {now:,.0f}: the same work takes {ratio:.1f} × as long on this machine and in this hour.
"""
BARE_WHEN_TARGETS_WERE_SET = 3_673
MET = {True: "Met.", False: "Missed.", None: "Not measured."}


def text(
    bulk: Rounds,
    results: Sequence[Result],
    missing: Mapping[str, str],
    labels: Mapping[str, str],
    rounds: int,
    run: Circumstances,
) -> str:
    parts = {"bulk": "", "others": "", "missing": ""}
    warning = disturbed(bulk)
    parts["disturbed"] = f"**{warning}**\n" if warning else ""
    if bulk:
        rate = next(each for each in results if (each.scenario, each.metric) == ("bulk", "mails_per_second"))
        parts["bulk"] = BULK.format(
            target=report.target_of(rate, labels),
            met=MET[rate.met],
            rounds=f"Everything else is the run with the median rate of {rounds} rounds, so a ratio is not always the\n"
            "quotient of what stands beside it."
            if rounds > 1
            else "One round.",
            table=report.markdown(*report.bulk_rows(bulk, labels)),
            roles=report.markdown(*report.role_rows(middle(next(iter(bulk.values()))))),
        )
    if others := [result for result in results if result.scenario != "bulk"]:
        parts["others"] = OTHERS.format(
            machine=_speed(others), table=report.markdown(*report.result_rows(others, labels))
        )
    if missing:
        parts["missing"] = (
            "\n".join(f"Left out: {labels[name]}: {why}" for name, why in missing.items()) + "\n"
        )
    return PAGE.format(run=run, verdict=report.verdict(results, labels), **parts)


def _speed(results: Sequence[Result]) -> str:
    """This machine's speed compared with that of the targets, by what needs nothing of ours."""
    for each in results:
        if (each.scenario, each.metric) == ("posts", "requests_per_second") and BARE in each.peers:
            now = each.peers[BARE]
            return SLOWER.format(
                then=BARE_WHEN_TARGETS_WERE_SET, now=now, ratio=BARE_WHEN_TARGETS_WERE_SET / now
            )
    return ""


def write(page: str) -> None:
    (state.root() / "docs" / "benchmarks.md").write_text(page, encoding="utf-8")
