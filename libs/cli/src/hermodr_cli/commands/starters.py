"""The templates that a new project begins with, and the needs of templates of before."""

from collections.abc import Sequence
from importlib.resources import as_file, files
from uuid import UUID

from hermodr_client.template_files import FiledTemplate, read
from hermodr_ledger.engine import Transaction
from hermodr_ledger.templates import versions
from hermodr_ledger.templates.versions import Texts
from hermodr_templates.flaws import SourceFlawed
from hermodr_templates.publishing import Source, needs_of, publish, reads_items, reads_recipient


async def furnish(transaction: Transaction, project_id: UUID) -> None:
    """Puts the starter templates into a new project."""
    with as_file(files("hermodr_templates") / "starters") as folder:
        filed = read(folder)
    for each in filed:
        contents = {
            channel: {locale: _published(each, source) for locale, source in locales.items()}
            for channel, locales in each.contents.items()
        }
        await versions.create(
            transaction, project_id, each.name, each.critical, each.default_locale, contents, starter=True
        )


def needs(texts: Sequence[str]) -> tuple[str, bool, bool]:
    """What the texts of a saved version need, whether they read the recipient, and whether they show several events;
    nothing if they cannot be read."""
    try:
        return " ".join(needs_of(*texts)), reads_recipient(*texts), reads_items(*texts)
    except (SourceFlawed, RecursionError):
        return "", False, False


def _published(filed: FiledTemplate, fields: dict[str, object]) -> Texts:
    source = Source(**fields)  # type: ignore[arg-type]
    made = publish(source)
    if made.flaws:
        raise ValueError(f"{filed.folder}: {made.flaws[0].reason}")  # a test holds them to have none
    return Texts(
        source.subject,
        source.body_text,
        source.body_html,
        source.body_mjml,
        source.inline_css,
        made.compiled_html,
        " ".join(made.required),
        made.reads_recipient,
        reads_items=made.reads_items,
    )
