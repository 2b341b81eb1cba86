"""The language of the page: the recipient's, else one that the browser asks for, else the first."""

from collections.abc import Iterator

from hermodr_api.preference_page.words import LANGUAGES
from hermodr_contracts.locales import choose_locale

_MOST = 20
"""Languages looked at."""


def language_of(locale: str | None, accept_language: str) -> str:
    """One of `LANGUAGES`; `locale` is the recipient's, `accept_language` the header (RFC 9110 §12.5.4), whatever it
    holds."""
    for wanted in (*([locale] if locale is not None else []), *_accepted(accept_language)):
        language = choose_locale(wanted, LANGUAGES[0], LANGUAGES)
        if language != LANGUAGES[0] or wanted.lower().startswith(language):
            return language
    return LANGUAGES[0]


def _accepted(header: str) -> Iterator[str]:
    """The languages of the header, the most wanted first."""
    weighed = []
    for part in header.split(",", _MOST)[:_MOST]:
        tag, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if quality > 0:
            weighed.append((quality, tag.strip()))
    weighed.sort(key=lambda each: -each[0])
    yield from (tag for _, tag in weighed)
