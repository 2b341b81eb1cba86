"""A project's colour, so that everybody can read it (WCAG 2.2, 1.4.3 and 1.4.11)."""

from typing import NamedTuple

Rgb = tuple[int, int, int]

READABLE = 4.5
"""The least contrast of a text to what is behind it."""
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
LIGHT_CARD, DARK_CARD = _WHITE, (0x1B, 0x21, 0x29)
"""What is behind texts in light and in dark mode, as the style has it."""
_STEPS = 20


class Shades(NamedTuple):
    """Of one colour: `deed` as it is, for buttons; `on_deed` for the texts on it; `light` and `dark` for what stands on
    cards in either mode."""

    deed: str
    on_deed: str
    light: str
    dark: str


def shades(color: str) -> Shades:
    """Of `#rrggbb`."""
    rgb = _rgb(color)
    on_it = max((_BLACK, _WHITE), key=lambda text: contrast(text, rgb))
    return Shades(
        _hex(rgb),
        _hex(on_it),
        _hex(_towards(rgb, _BLACK, LIGHT_CARD)),
        _hex(_towards(rgb, _WHITE, DARK_CARD)),
    )


def contrast(one: Rgb, other: Rgb) -> float:
    """From 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _towards(rgb: Rgb, end: Rgb, card: Rgb) -> Rgb:
    """The first mixture with `end` that is readable on the card."""
    for step in range(_STEPS + 1):
        mixed = tuple(round(mine + (its - mine) * step / _STEPS) for mine, its in zip(rgb, end, strict=True))
        found: Rgb = (mixed[0], mixed[1], mixed[2])
        if contrast(found, card) >= READABLE:
            return found
    return end


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
        for each in (c / 255 for c in rgb)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _rgb(color: str) -> Rgb:
    number = int(color[1:], 16)
    return number >> 16, number >> 8 & 255, number & 255


def _hex(rgb: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)
