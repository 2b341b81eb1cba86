"""What composing a digest costs: from its updates to subject, text and HTML of the starter template."""

import time
import tomllib
from datetime import UTC, datetime, timedelta
from importlib.resources import files

from hermodr_digesting.data import template_data
from hermodr_ledger.digests.choosing import Contents, Posted
from hermodr_servicekit.ids import new_id
from hermodr_templates.publishing import Source, publish
from hermodr_templates.rendering import Renderer
from tests.benchmarks.accounting import load_average
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result
from tests.benchmarks.servers import Servers
from tests.support.templates import Version

UPDATES = 50
LOCALES = ("en", "de")


async def measure(_servers: Servers, _mailbox: Mailbox, quick: bool) -> list[Result]:
    """Processor time, in one process."""
    times, renderer, load = 100 if quick else 1_000, Renderer(), load_average()
    contents = _contents()
    versions = {locale: _starter(locale) for locale in LOCALES}
    for locale, version in versions.items():
        renderer.render(version, template_data(contents, locale))
    began = time.process_time()
    for number in range(times):
        locale = LOCALES[number % len(LOCALES)]
        rendered = renderer.render(versions[locale], template_data(contents, locale))
        assert rendered.html is not None
    spent = (time.process_time() - began) / times
    return [
        Result(f"digest of {UPDATES} updates", "cpu_to_compose", "ms", spent * 1000, load=load, target="< 5")
    ]


def _contents() -> Contents:
    at = datetime(2026, 5, 1, 9, tzinfo=UTC)
    updates = [
        Posted(
            new_id(),
            ("photo", "milestone", "text")[number % 3],
            f"Update {number}",
            "She has done it again, and everybody in the kitchen has seen it. " * 3,
            False,
            f"https://example.com/photos/{number}.jpg",
            new_id(),
            "Grandmother",
            at + timedelta(hours=number),
        )
        for number in range(UPDATES)
    ]
    return Contents(new_id(), "Mia", "en", "Europe/Vienna", updates, 7)


def _starter(locale: str) -> Version:
    folder = files("hermodr_templates") / "starters" / "digest"
    head = tomllib.loads((folder / "template.toml").read_text(encoding="utf-8"))
    text, mjml = ((folder / f"email.{locale}.{kind}").read_text(encoding="utf-8") for kind in ("txt", "mjml"))
    source = Source(head["email"][locale]["subject"], text, None, mjml)
    return Version(source.subject, source.body_text, publish(source).compiled_html, locale=locale)
