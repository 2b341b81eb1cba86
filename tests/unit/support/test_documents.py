"""README and docs say what is there: links and paths resolve, tables of variables and routes are complete."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hermodr_api.http.durations import written
from hermodr_api.settings import ApiSettings
from hermodr_contracts.topology import Topology
from hermodr_dispatcher.settings import DispatcherSettings
from hermodr_email_sender.settings import EmailSenderSettings
from hermodr_ledger.tables import metadata
from hermodr_sandbox.settings import SandboxSettings
from hermodr_scheduler.settings import SchedulerSettings
from hermodr_servicekit.settings import ServiceSettings
from hermodr_sms_sender.settings import SmsSenderSettings
from hermodr_webhook_sender.settings import WebhookSenderSettings
from hermodr_worker.settings import WorkerSettings

TOP = Path(__file__).parents[3]
PAGES = sorted([*TOP.glob("*.md"), *TOP.glob("docs/**/*.md"), *TOP.glob("libs/*/README.md")])
CONFIGURATION = (TOP / "docs/reference/configuration.md").read_text(encoding="utf-8")
ROUTES = (TOP / "docs/reference/routes.md").read_text(encoding="utf-8")
SETTINGS = (
    ApiSettings,
    DispatcherSettings,
    EmailSenderSettings,
    SandboxSettings,
    SchedulerSettings,
    SmsSenderSettings,
    WebhookSenderSettings,
    WorkerSettings,
)


def test_the_readme_stays_short() -> None:
    assert (TOP / "README.md").read_text(encoding="utf-8").count("\n") <= 220


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(TOP).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [link for link in _links(text) if not _leads_somewhere(page, link)] == []


def _links(text: str) -> Iterator[str]:
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if not re.match(r"\w+:", link):
            yield link


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not anchor:
        return target.exists()
    return target.is_file() and anchor in _anchors(target.read_text(encoding="utf-8"))


def _anchors(text: str) -> set[str]:
    """As GitHub makes them of headings: lower case, hyphens for spaces, other signs dropped."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_files_that_are_named_exist() -> None:
    files = [
        "/" + path.relative_to(TOP).as_posix()
        for folder in ("libs", "services", "tests", "tools")
        for path in (TOP / folder).rglob("*")
        if path.suffix in (".py", ".sql")
    ]
    files += [re.sub(r"^/(?:libs|services)/([\w-]+)/src/hermodr_\w+", r"/\1", file) for file in files]
    named = {
        (page.name, name)
        for page in (TOP / "docs/architecture.md", *(TOP / "docs/reference").glob("*.md"))
        for name in re.findall(r"`([\w/-]+\.(?:py|sql))`", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 50
    wanting = [each for each in sorted(named) if not any(file.endswith("/" + each[1]) for file in files)]
    assert wanting == []


def test_every_queue_is_in_the_table() -> None:
    text = (TOP / "docs/reference/topology.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\S+)` \| `(\S+)` \| `(\S+)` \| (\S+) \|", text, re.MULTILINE)
    assert rows == [
        (spec.label, binding.exchange.name, binding.routing_key, spec.consumer or "–")
        for spec in Topology().queues
        for binding in spec.bindings
    ]


def test_every_table_is_described() -> None:
    text = (TOP / "docs/reference/tables.md").read_text(encoding="utf-8")
    assert [table.name for table in metadata.sorted_tables if f"`{table.name}`" not in text] == []


def test_every_setting_is_in_the_table_with_its_default() -> None:
    table, _, _ = CONFIGURATION.partition("These are read by commands")
    rows = {
        variable: row
        for row in re.findall(r"^\| `HERMODR_.*$", table, re.MULTILINE)
        for variable in re.findall(r"`(HERMODR_\w+)`", row.split(" | ")[0])
    }
    fields = {name: field for cls in SETTINGS for name, field in cls.model_fields.items()}
    assert set(rows) == {f"HERMODR_{name.upper()}" for name in fields}
    defaults = {name: _written(field.default) for name, field in fields.items()}
    wrong = [
        name
        for name, default in defaults.items()
        if default is not None and rows[f"HERMODR_{name.upper()}"].split(" | ")[1] != f"`{default}`"
    ]
    assert wrong == []


@pytest.mark.parametrize("settings", [each for each in SETTINGS if each is not SandboxSettings])
def test_what_production_requires_is_in_the_table(settings: type[ServiceSettings]) -> None:
    row = re.search(
        rf"^\| {settings.service} \| `python -m (\w+)` \| .* \| (.*) \|$", CONFIGURATION, re.MULTILINE
    )
    assert row is not None
    assert row[1] == settings.__module__.partition(".")[0]
    alternatives = [each for each in settings.required_in_production if isinstance(each, tuple)]
    plain = [each for each in settings.required_in_production if isinstance(each, str)]
    told, _, one_of = row[2].partition("one of ")
    assert _variables(told) == {f"HERMODR_{name.upper()}" for name in plain}
    assert _variables(one_of) == {f"HERMODR_{name.upper()}" for names in alternatives for name in names}


def _variables(text: str) -> set[str]:
    return set(re.findall(r"`(HERMODR_\w+)`", text))


def _written(default: object) -> str | None:
    match default:
        case bool():
            return str(default).lower()
        case timedelta():
            return f"{default.days}d" if default.days else written(default)
        case int():
            return str(default)
        case float():
            return f"{default:.10g}"
        case str():
            return default
    return None


def test_every_route_is_in_the_table_with_its_scope() -> None:
    described = json.loads((TOP / "docs/openapi.json").read_text(encoding="utf-8"))["paths"]
    known = {
        f"{method.upper()} {_anonymous(path)}": _scope(operation)
        for path, operations in described.items()
        if path != "/"
        for method, operation in operations.items()
    }
    table: dict[str, str] = {}
    for row in re.findall(r"^\| `(?:GET|POST|PUT|PATCH|DELETE) /.*$", ROUTES, re.MULTILINE):
        routes, _, scope = row.strip("| ").split(" | ")
        table |= {_anonymous(route): scope for route in re.findall(r"`([A-Z]+ /[^`]+)`", routes)}
    assert table == known


def _anonymous(route: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", route)


def _scope(operation: dict[str, str]) -> str:
    scope = re.search(r"Needs the scope `\w+`; an end user|Needs the scope `\w+`", operation["description"])
    if scope is None:
        return "no key"
    return scope[0].removeprefix("Needs the scope ").replace("; an end user", ", users")
