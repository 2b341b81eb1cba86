"""Link targets, as a text can show them."""

from __future__ import annotations

import re
from urllib.parse import urljoin

_USUAL = re.compile("https?://[!-;=?-~]+")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_NOWHERE = frozenset({"about:", "blob:", "cid:", "data:", "file:", "javascript:", "mid:", "vbscript:"})
"""Schemes that are of no use in a text, or that run code."""
_DIALLED = frozenset({"tel:", "sms:"})
_DROPPED = dict.fromkeys(map(ord, "\t\n\r"))
_ESCAPED = {ord(" "): "%20", ord("<"): "%3C", ord(">"): "%3E"}
_ENDS = "".join(map(chr, range(33)))
_NOT_DIALLED = re.compile(r"[^0-9+]")


def target_of(href: str, base: str = "") -> str:
    """The address `href` leads to, cleaned as browsers do (URL standard, 4.4). Empty for parts of the page, scripts,
    and relative addresses unless the document has a web address as `base`."""
    if _USUAL.fullmatch(href):
        return href
    href = href.strip(_ENDS).translate(_DROPPED)
    if href.startswith("//"):
        href = f"https:{href}"
    scheme = _SCHEME.match(href)
    if scheme is None and href and href[0] != "#" and _USUAL.fullmatch(base):
        try:
            href = urljoin(base, href)
        except ValueError:  # an invalid base
            return ""
        scheme = _SCHEME.match(href)
    if scheme is None or scheme[0].lower() in _NOWHERE or scheme.end() == len(href):
        return ""
    return href.replace(" ", "") if scheme[0].lower() in _DIALLED else href.translate(_ESCAPED)


def shown_beside(label: str, target: str) -> str:
    """What to add to a label, empty if the label says it. `mailto:` and `tel:` are left out."""
    if not target:
        return ""
    if target.startswith("http"):
        same = label == target or label.rstrip("/") == target.rstrip("/")
        return "" if same else f"<{target}>" if label else target
    scheme, _, rest = target.partition(":")
    scheme = scheme.lower()
    plain = rest if scheme in ("mailto", "tel") and "?" not in rest else target
    if label in (target, plain):
        return ""
    if scheme == "tel" and _NOT_DIALLED.sub("", label) == _NOT_DIALLED.sub("", rest):
        return ""
    return f"<{plain}>" if label else plain
