"""What composers have in common: a claim's content, from its template or as it was given."""

import json
from collections.abc import Mapping

from hermodr_delivery.claimed import Withheld
from hermodr_delivery.failures import DeliveryFailure, PermanentError, TransientError
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.templates.texts import CompiledTexts
from hermodr_templates.bounded import BUSY, BoundedRenderer
from hermodr_templates.rendering import NOTHING, Rendered, RenderingFailed


class Rendering:
    """`supplied`: names beside the claim's data, for templates. Both raise a `DeliveryFailure`."""

    def __init__(self, renderer: BoundedRenderer) -> None:
        self._renderer = renderer

    def at_once(
        self, claim: Claim, texts: CompiledTexts | None, supplied: Mapping[str, str] = NOTHING
    ) -> Rendered | None:
        """`None` if it takes longer, see `Composer.at_once`."""
        try:
            if texts is not None:
                return self._renderer.render_at_once(texts, claim.data, supplied)
            return self._renderer.as_given_at_once(*_given(claim))
        except RenderingFailed as failure:
            raise _failure(failure) from failure

    async def slowly(
        self, claim: Claim, texts: CompiledTexts | None, supplied: Mapping[str, str] = NOTHING
    ) -> Rendered:
        """What `at_once` could not render. Raises `Withheld` if others' messages took too long."""
        try:
            if texts is not None:
                return await self._renderer.render_in_cell(texts, claim.data, claim.project_id, supplied)
            return await self._renderer.as_given(*_given(claim), claim.project_id)
        except RenderingFailed as failure:
            if failure.code == BUSY:
                raise Withheld(last=True) from failure
            raise _failure(failure) from failure


def _failure(failed: RenderingFailed) -> DeliveryFailure:
    kind = TransientError if failed.passing else PermanentError
    return kind(failed.code, failed.detail)


def _given(claim: Claim) -> tuple[str | None, str | None, str | None]:
    given = json.loads(claim.content or "{}")
    return given.get("subject"), given.get("body_text"), given.get("body_html")
