"""Whose texts somebody gets."""

from collections.abc import Sequence


def choose_locale(wanted: str | None, default: str, available: Sequence[str]) -> str:
    """`de-AT` → `de-AT`, else `de`, else the default, else the first there is. Case and `_` do not matter."""
    by_tag = {locale.replace("_", "-").lower(): locale for locale in available}
    for tag in (wanted, default):
        parts = tag.replace("_", "-").lower().split("-") if tag else []
        while parts:
            found = by_tag.get("-".join(parts))
            if found is not None:
                return found
            parts.pop()
    return available[0]
