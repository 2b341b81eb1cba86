"""Template texts for senders, by immutable version."""

from dataclasses import dataclass
from uuid import UUID

from hermodr_ledger.engine import Ledger


@dataclass(frozen=True, slots=True)
class CompiledTexts:
    """One version of a template in one locale on one channel; its HTML as it was compiled when it was saved."""

    template_id: UUID
    version: int
    locale: str
    subject: str | None
    body_text: str | None
    body_html: str | None


async def compiled_texts(
    ledger: Ledger, template_id: UUID, version: int, channel: str, locale: str
) -> CompiledTexts | None:
    """The texts, or `None` when the template was deleted meanwhile."""
    rows = await ledger.fetch(
        """
        SELECT subject, body_text, coalesce(compiled_html, body_html) AS body_html
        FROM hermodr.template_contents
        WHERE template_id = $1 AND version = $2 AND channel = $3 AND locale = $4
        """,
        template_id,
        version,
        channel,
        locale,
    )
    if not rows:
        return None
    row = rows[0]
    return CompiledTexts(template_id, version, locale, row["subject"], row["body_text"], row["body_html"])
