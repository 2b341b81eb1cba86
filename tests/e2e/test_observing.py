"""A real Prometheus reads all services; rules, panels and the runbook speak of metrics that there are."""

import json
import re
import tomllib
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml

from hermodr_devkit.backing import ports
from hermodr_devkit.supervisor import ALL
from hermodr_devkit.supervisor.observing import observed
from hermodr_devkit.supervisor.services import SANDBOX
from tests.support import tasks
from tests.support.brokers import Broker
from tests.support.installation import Installation, installed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOP = Path(__file__).parents[2]
EXAMPLE = TOP / "examples/word-count"
KEY = "the-key-of-this-installation-of-tests"
RULES = yaml.safe_load((TOP / "deploy/prometheus/hermodr.rules.yml").read_text(encoding="utf-8"))
BOARDS = {
    path.stem: json.loads(path.read_text("utf-8")) for path in (TOP / "deploy/grafana/dashboards").glob("*")
}
METRIC = re.compile(r"\b(?:hermodr|process)_[a-z_]+\b")
SUFFIXES = ("_bucket", "_sum", "_count", "_created")
RARE = {
    "hermodr_bounce_mails_total",  # no mailbox is read here
    "hermodr_failovers_total",  # there is one provider of each channel
    "hermodr_overflows_total",
    "hermodr_provider_refusals_total",  # nothing is refused whatever the message
}
"""Whose series begin with the first event, which does not happen here."""
WAITING = ("hermodr:jobs_waiting", "hermodr:deliveries_waiting")


@dataclass(frozen=True)
class Query:
    board: str
    panel: str
    expression: str

    def __str__(self) -> str:
        return f"{self.board}, {self.panel}: {self.expression}"


def queries() -> Iterator[Query]:
    for name, board in BOARDS.items():
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                yield Query(name, panel["title"], target["expr"].replace("$__rate_interval", "1m"))


def rare(query: Query) -> bool:
    return bool(RARE & set(METRIC.findall(query.expression)))


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for group in RULES["groups"] for rule in group["rules"])
    yield from (query.expression for query in queries())


@dataclass(frozen=True)
class Observed:
    installation: Installation
    url: str

    async def ask(self, path: str, **parameters: str) -> Any:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=20) as http:
            answer = await http.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def reads_all(self) -> bool:
        """Whether every service has been read."""
        targets = (await self.ask("targets"))["activeTargets"]
        read = {each["labels"]["service"] for each in targets if each["health"] == "up"}
        return read == {spec.name for spec in ALL if spec is not SANDBOX}

    async def exported(self) -> set[str]:
        """The metrics of all services but the sandbox, by the names that Prometheus gives them."""
        found: set[str] = set()
        async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
            for name, service in self.installation.fleet.services.items():
                if name != "sandbox":
                    text = (await http.get(f"{service.url}/metrics")).text
                    found |= set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
        return {each for each in found if not each.endswith("_created")}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    database_url: str, broker: Broker, logs: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Observed]:
    """Every service, with traffic of all kinds behind it."""
    place = tmp_path_factory.mktemp("observing")
    declared = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
    tasks.installed(place, "word_count", **declared["hermodr.tasks"])

    async def wiring(_environment: object) -> dict[str, dict[str, str]]:
        return {"worker": {"PYTHONPATH": f"{place}:{EXAMPLE / 'src'}"}}

    async with installed(
        logs,
        database_url=database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
        specs=ALL,
        wiring=wiring,
        HERMODR_SECRET_KEY=KEY,
        HERMODR_CHANNELS="email sms in_app",
    ) as installation:
        (port,) = ports.free(1)
        async with observed(installation.fleet, place, port, print, every_seconds=1) as url:
            found = Observed(installation, url)
            _: bool = await wait_until(found.reads_all)  # what happens before cannot be seen as a change
            await traffic(installation)
            yield found


async def traffic(installation: Installation) -> None:
    """Mails that are sent, tried again, refused, and sent at their time; a text; a task."""
    await installation.fault(
        stage="rcpt", recipient="again@*", times=1, action={"kind": "reply", "code": 451}
    )
    await installation.fault(stage="rcpt", recipient="never@*", action={"kind": "reply", "code": 550})
    mail = {"subject": "News", "body_text": "Some."}
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    wanted: list[dict[str, Any]] = [
        *({"to": {"email": f"{name}@observed.example"}} | mail for name in ("one", "two", "again", "never")),
        {"to": {"email": "later@observed.example"}, "scheduled_for": soon} | mail,
        {"to": {"phone": "+15550100001"}, "body_text": "News"},
    ]
    jobs = [(await installation.create("/v1/notifications", each))["job_id"] for each in wanted]
    task = {"type": "word-count", "payload": {"note": "to be or not to be"}}
    jobs.append((await installation.create("/v1/jobs", task))["job_id"])
    ends = [(await installation.ended(job))["job"]["status"] for job in jobs]
    assert ends == ["completed"] * 3 + ["failed"] + ["completed"] * 3


async def test_rules_and_panels_ask_for_metrics_that_there_are(house: Observed) -> None:
    exported = await house.exported()
    histograms = {f"{name}{suffix}" for name in exported for suffix in SUFFIXES}
    asked = {name for expression in expressions() for name in METRIC.findall(expression)}
    assert asked - exported - histograms == set()


async def test_the_runbook_lists_the_metrics_that_there_are(house: Observed) -> None:
    text = (TOP / "docs/runbook.md").read_text(encoding="utf-8")
    table = text.partition("\n## Metrics\n")[2].partition("\n## ")[0]
    listed = set(re.findall(r"`(hermodr_[a-z_]+)`", table))
    assert listed == {each for each in await house.exported() if each.startswith("hermodr_")}


async def test_every_rule_is_evaluated(house: Observed) -> None:
    async def evaluated() -> bool:
        rules = [rule for group in (await house.ask("rules"))["groups"] for rule in group["rules"]]
        assert [rule for rule in rules if rule["health"] == "err"] == []
        return all(rule["health"] == "ok" for rule in rules)

    _: bool = await wait_until(evaluated, 60)


async def shown(house: Observed, asked: Iterable[Query]) -> None:
    """Waits until each has a series. Raises AssertionError with those that have none."""
    waiting = list(asked)

    async def all_shown() -> bool:
        for query in list(waiting):
            if (await house.ask("query", query=query.expression))["result"]:
                waiting.remove(query)
        return not waiting

    _: bool = await wait_until(
        all_shown, 60, lambda: "\n".join(["nothing to see:", *map(str, waiting)]), interval=1
    )


async def test_every_panel_shows_something(house: Observed) -> None:
    await shown(house, (query for query in queries() if query.expression not in WAITING and not rare(query)))
    for query in filter(rare, queries()):
        await house.ask("query", query=query.expression)


async def test_what_waits_is_shown(house: Observed) -> None:
    fleet = house.installation.fleet
    await fleet["email-sender"].stop(10)
    mail = {"to": {"email": "nobody@observed.example"}, "subject": "News", "body_text": "Some."}
    job = (await house.installation.create("/v1/notifications", mail))["job_id"]
    await shown(house, (query for query in queries() if query.expression in WAITING))
    await fleet.restart("email-sender")
    assert (await house.installation.ended(job))["job"]["status"] == "completed"
