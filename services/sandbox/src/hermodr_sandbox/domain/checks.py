"""What a mail may suffer from: programs that do not show its HTML as meant, clipping, links, what filters dislike.

What programs do not support is by Can I email (https://www.caniemail.com, MIT licence, as of June 2026): the features
that templates use most, in four programs; a program that supports a part of one is not named."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from hermodr_sandbox.domain.mail import ParsedMail

Level = Literal["bad", "warn", "good"]

CLIPPED_FROM = 102 * 1024
"""Octets of HTML, beyond which Gmail cuts it off."""
MOST_FOUND = 50
_READ = 512 * 1024
"""Characters of HTML, and of styles, that are looked at."""
_ALL = ("Gmail", "Outlook for Windows", "Outlook.com", "Yahoo Mail")
_GMAIL, _WINDOWS, _COM, _YAHOO = _ALL


class Found(NamedTuple):
    """`source`: where that is said, if not by us."""

    level: Level
    title: str
    detail: str
    source: str | None = None


class Feature(NamedTuple):
    """`sign` is found in style sheets and attributes; `missing`: the programs that do not support it at all."""

    slug: str
    title: str
    sign: re.Pattern[str]
    missing: tuple[str, ...]


def _css(slug: str, title: str, sign: str, *missing: str) -> Feature:
    return Feature(slug, title, re.compile(sign, re.IGNORECASE), missing)


_FEATURES = (
    _css("css-display-flex", "display: flex", r"display\s*:\s*(inline-)?flex", _WINDOWS),
    _css("css-display-grid", "display: grid", r"display\s*:\s*(inline-)?grid", _WINDOWS),
    _css(
        "css-position",
        "position",
        r"(?<![-\w])position\s*:\s*(absolute|fixed|relative|sticky)",
        _GMAIL,
        _WINDOWS,
    ),
    _css("css-border-radius", "border-radius", r"border-radius\s*:", _WINDOWS),
    _css("css-background-image", "background-image", r"background(-image)?\s*:[^;}]*url\(", _WINDOWS),
    _css("css-linear-gradient", "linear-gradient", r"linear-gradient\(", _WINDOWS, _YAHOO, _COM),
    _css("css-box-shadow", "box-shadow", r"box-shadow\s*:", _GMAIL, _WINDOWS, _YAHOO),
    _css("css-float", "float", r"(?<![-\w])float\s*:\s*(left|right)", _WINDOWS),
    _css("css-variables", "variables (var)", r"var\(\s*--", *_ALL),
    _css("css-unit-calc", "calc()", r"(?<![-\w])calc\(", _WINDOWS, _YAHOO, _COM),
    _css("css-at-font-face", "fonts of your own (@font-face)", r"@font-face", _GMAIL, _YAHOO, _COM),
    _css("css-at-media", "@media", r"@media", _WINDOWS),
    _css("css-animation", "animation", r"(?<![-\w])animation(-name)?\s*:", *_ALL),
    _css("css-transform", "transform", r"(?<![-\w])transform\s*:", *_ALL),
    _css("css-filter", "filter", r"(?<![-\w])filter\s*:", *_ALL),
    _css("css-object-fit", "object-fit", r"object-fit\s*:", _WINDOWS, _YAHOO),
    _css("css-opacity", "opacity", r"(?<![-\w])opacity\s*:", _WINDOWS),
    _css("css-aspect-ratio", "aspect-ratio", r"aspect-ratio\s*:", *_ALL),
)
_TAGS = {
    "svg": ("html-svg", "<svg>", _ALL),
    "video": ("html-video", "<video>", _ALL),
    "audio": ("html-audio", "<audio>", _ALL),
    "object": ("html-object", "<object>", _ALL),
    "form": ("html-form", "<form>", (_WINDOWS,)),
}
_BASE64 = ("image-base64", "pictures as data: URLs", (_GMAIL,))
_SVG = ("image-svg", "pictures of the kind SVG", (_GMAIL,))
_WEBP = ("image-webp", "pictures of the kind WebP", (_WINDOWS,))
_LINKED = ("html-link", "style sheets by <link>", (_GMAIL, _YAHOO, _COM))
_SOURCE = "https://www.caniemail.com/features/"
_LOUD = 8
"""Letters, from which a subject in capitals is loud."""
_FEW_WORDS = 20


class _Reader(HTMLParser):
    """What stands in the HTML, whatever it is."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.styles: list[str] = []
        self.uses: set[tuple[str, str, tuple[str, ...]]] = set()
        self.links: list[str] = []
        self.pictures: list[tuple[str, bool]] = []
        self.words = 0
        self.scripts = False
        self._within: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self._within = tag if tag in ("style", "script", "title") else self._within
        self.scripts = self.scripts or tag == "script" or any(name.startswith("on") for name in said)
        if "style" in said:
            self.styles.append(said["style"])
        if tag in _TAGS:
            self.uses.add(_TAGS[tag])
        if tag == "link" and "stylesheet" in said.get("rel", "").lower():
            self.uses.add(_LINKED)
        if tag == "a" and "href" in said:
            self.links.append(said["href"].strip())
        if tag == "img":
            self._picture(said)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._within:
            self._within = None

    def handle_data(self, data: str) -> None:
        if self._within == "style":
            self.styles.append(data)
        elif self._within is None:
            self.words += len(data.split())

    def _picture(self, said: dict[str, str]) -> None:
        source = said.get("src", "").strip()
        self.pictures.append((source, "alt" in said))
        path = urlsplit(source).path.lower() if not source.startswith("data:") else ""
        if source.startswith("data:"):
            self.uses.add(_BASE64)
        if path.endswith(".svg") or source.startswith("data:image/svg"):
            self.uses.add(_SVG)
        if path.endswith(".webp") or source.startswith("data:image/webp"):
            self.uses.add(_WEBP)


def checks_of(mail: ParsedMail) -> list[Found]:
    """The worst first; at most `MOST_FOUND`. A mail without HTML has few ways to suffer."""
    found = list(_of_headers(mail))
    if mail.html is not None:
        reader = _Reader()
        reader.feed(mail.html[:_READ])
        reader.close()
        found += [*_of_size(mail.html), *_of_programs(reader), *_of_links(reader), *_of_pictures(reader)]
    order = ("bad", "warn", "good")
    return sorted(found, key=lambda each: order.index(each.level))[:MOST_FOUND]


def _of_headers(mail: ParsedMail) -> Iterator[Found]:
    subject = mail.header("subject").strip()
    letters = [each for each in subject if each.isalpha()]
    if not subject:
        yield Found("bad", "No subject", "Filters and people distrust a mail without one.")
    elif len(letters) >= _LOUD and all(each.isupper() for each in letters):
        yield Found("warn", "The subject is in capitals", "Filters take it for shouting.")
    if subject.count("!") > 1:
        yield Found("warn", "Several exclamation marks in the subject", "Filters count them.")
    if mail.html is not None and not (mail.text or "").strip():
        yield Found("warn", "No text beside the HTML", "Filters expect both; some people read only the text.")
    if not mail.header("list-unsubscribe"):
        detail = (
            "Who gets many mails needs one: Gmail and Yahoo demand it. Mails of critical templates have none."
        )
        yield Found("warn", "No List-Unsubscribe", detail)
    elif not mail.header("list-unsubscribe-post"):
        yield Found(
            "warn", "Unsubscribing takes more than one click", "List-Unsubscribe-Post is missing (RFC 8058)."
        )
    else:
        yield Found("good", "One click unsubscribes", "List-Unsubscribe and List-Unsubscribe-Post are there.")


def _of_size(html: str) -> Iterator[Found]:
    size = len(html.encode("utf-8", "surrogatepass"))
    told = f"{size / 1024:.1f} of {CLIPPED_FROM // 1024} KB"
    if size > CLIPPED_FROM:
        yield Found("bad", "Gmail clips the mail", f"Its HTML has {told}: the rest is behind a link.")
    else:
        yield Found("good", "Short enough for Gmail", f"Its HTML has {told}.")


def _of_programs(reader: _Reader) -> Iterator[Found]:
    styles = "\n".join(reader.styles)[:_READ]
    used = {(each.slug, each.title, each.missing) for each in _FEATURES if each.sign.search(styles)}
    for slug, title, missing in sorted(used | reader.uses):
        yield Found("warn", title, f"Not in {', '.join(missing)}.", f"{_SOURCE}{slug}/")
    if reader.scripts:
        yield Found("bad", "A script", "No mail program runs it, and filters refuse mails with one.")


def _of_links(reader: _Reader) -> Iterator[Found]:
    for link in dict.fromkeys(reader.links):
        scheme = link.partition(":")[0].lower() if ":" in link else ""
        if not link or link.startswith("#") or scheme in ("https", "mailto", "tel", "sms"):
            continue
        if scheme == "http":
            yield Found("warn", "A link without encryption", link[:200])
        else:
            yield Found("bad", "A link that leads nowhere", link[:200])
    if reader.links:
        number = len(set(reader.links))
        yield Found(
            "good", "1 link" if number == 1 else f"{number} links", "Each leads to an address of its own."
        )


def _of_pictures(reader: _Reader) -> Iterator[Found]:
    without = sum(not described for _, described in reader.pictures)
    if without:
        detail = "Screen readers, and programs that do not load pictures, show the alt text instead."
        yield Found("warn", f"{without} of {len(reader.pictures)} pictures without alt", detail)
    if reader.pictures and reader.words < _FEW_WORDS:
        detail = "Many programs load no pictures at first, and filters cannot read them."
        yield Found("warn", "Hardly anything but pictures", detail)
