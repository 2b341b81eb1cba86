"""Whether a template makes JSON, tried with made-up data: of numbers, of words, and of a text that breaks what is
printed without `|tojson`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from hermodr_contracts.payloads import payload_flaw
from hermodr_templates.needs import RECIPIENT
from hermodr_templates.rendering import Renderer, RenderingFailed

UNSAFE = "some texts break its JSON: print values with |tojson and without quotes, {{ name|tojson }}"
_SAMPLES: Sequence[object] = (1, "word", 'a "quoted" text\n\\')
_NOBODY = UUID(int=0)


class _Tried:
    """A version of its own for each try: none is kept."""

    template_id = _NOBODY
    version = 1
    locale = "en"
    subject = None
    body_html = None

    def __init__(self, body_text: str) -> None:
        self.body_text: str | None = body_text


def payload_flaws(
    source: str, names: Iterable[str], required: Iterable[str]
) -> tuple[str | None, str | None]:
    """A flaw, if no sample makes JSON, and a warning if some texts break it. `names` are read, those `required`
    (`order.number`) always. Samples that the template refuses say nothing: real data has another shape."""
    flaws: list[str | None] = []
    names, required = list(names), list(required)
    for sample in _SAMPLES:
        try:
            rendered = Renderer(kept=1).render(_Tried(source), _data(names, required, sample))
        except RenderingFailed:
            continue
        flaws.append(payload_flaw(rendered.text))
    if not flaws or None not in flaws:
        return (flaws[0] if flaws else None), None
    return None, UNSAFE if any(flaws) else None


def _data(names: Iterable[str], required: Iterable[str], sample: object) -> dict[str, object]:
    data: dict[str, object] = dict.fromkeys(names, sample)
    for path in required:
        *outer, last = path.split(".")
        place = data
        for name in outer:
            inner = place.get(name)
            if not isinstance(inner, dict):
                inner = place[name] = {}
            place = inner
        place[last] = sample
    return {**data, RECIPIENT: {"name": sample, "attributes": {}}}
