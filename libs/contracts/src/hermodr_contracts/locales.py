"""Chooses the locale of texts: CLDR's language matching (UTS #35), by `langcodes`."""

import re
from collections.abc import Sequence
from functools import lru_cache

from langcodes import Language, closest_supported_match, language_distance
from langcodes.tag_parser import LanguageTagError

FARTHEST = 20
"""In CLDR's units. Below 10: readable too (en-AU and en-GB); 20: of the same country (ca and es); beyond: uk and ru
(24)."""
_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_LONGEST_TAG = 35  # RFC 5646 §4.4.1
_REMEMBERED = 4096


def language_tag(text: str) -> str:
    """The tag as given (BCP 47, `_` for `-` allowed). Raises `ValueError`."""
    if _language(text) is None:
        raise ValueError("is not a language tag (BCP 47) such as de, pt-BR or zh-Hant-TW")
    return text


def choose_locale(wanted: str | None, default: str, available: Sequence[str]) -> str:
    """The `available` locale closest to `wanted`, else to `default`, else the first. Of equally close ones, the prefix
    of `wanted` goes first (de-CH: de before de-AT), then the default. Ignores case and `_`; cached."""
    return _chosen(wanted, default, tuple(available))


@lru_cache(maxsize=_REMEMBERED)
def _chosen(wanted: str | None, default: str, available: tuple[str, ...]) -> str:
    for each in (wanted, default):
        if each and (found := _closest(each, default, available)) is not None:
            return found
    return available[0]


def _closest(wanted: str, default: str, available: tuple[str, ...]) -> str | None:
    tag, preferred = _hyphened(wanted).lower(), _hyphened(default).lower()
    for each in available:
        if _hyphened(each).lower() == tag:
            return each
    by_language: dict[str, str] = {}
    for each in sorted(available, key=lambda it: _rank(_hyphened(it).lower(), tag, preferred)):
        if (language := _language(each)) is not None:
            by_language.setdefault(language.to_tag(), each)
    language = _language(wanted)
    if language is None:
        return None
    found = closest_supported_match(language.to_tag(), list(by_language), max_distance=FARTHEST)
    return None if found is None else by_language[found]


def _rank(tag: str, wanted: str, preferred: str) -> int:
    if wanted.startswith(f"{tag}-"):
        return -len(tag)
    return 1 if tag == preferred else 2


def _language(text: str) -> Language | None:
    tag = _hyphened(text)
    if len(tag) > _LONGEST_TAG or not _TAG.fullmatch(tag):
        return None
    _forget()
    try:
        return Language.get(tag)
    except LanguageTagError:
        return None


def _forget() -> None:
    """Bounds langcodes' caches: it keeps every tag and pair, and tags come from recipients."""
    for remembered in (Language._PARSE_CACHE, Language._INSTANCES, language_distance._DISTANCE_CACHE):
        if len(remembered) > _REMEMBERED:
            remembered.clear()


def _hyphened(text: str) -> str:
    return text.replace("_", "-")
