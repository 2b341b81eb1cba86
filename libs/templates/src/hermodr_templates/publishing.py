"""Checks the texts of a template when they are saved, and compiles them as far as possible."""

from __future__ import annotations

from dataclasses import dataclass, field

from hermodr_templates import checking, inlining, mjml_source
from hermodr_templates.flaws import Flaw, SourceFlawed, flaw_at
from hermodr_templates.html_text import html_to_text
from hermodr_templates.limits import TemplateLimitExceeded
from hermodr_templates.needs import RECIPIENT, SEVERAL, needed
from hermodr_templates.payloads import payload_flaws
from hermodr_templates.protected import Protected
from hermodr_templates.sandbox import MAX_SOURCE

NO_WORDS = "the plain text derived from the HTML is empty: write a body_text, or give images an alt text"
MJML, HTML = "body_mjml", "body_html"


@dataclass(frozen=True, slots=True)
class Source:
    subject: str | None = None
    body_text: str | None = None
    body_html: str | None = None
    body_mjml: str | None = None
    inline_css: bool = True
    payload: bool = False
    """`body_text` makes a JSON text, for programs; it is the only one."""


@dataclass(frozen=True, slots=True)
class Published:
    """`compiled_html` is sent instead of the source; `None` if that is sent as it is. With `flaws` nothing is
    published. `variables` come from the data; no message is possible without those `required` (`order.number`).
    `warnings` say what the author may not have meant."""

    compiled_html: str | None = None
    flaws: list[Flaw] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    required: list[str] = field(default_factory=list)
    reads_recipient: bool = False
    reads_items: bool = False
    warnings: list[str] = field(default_factory=list)


def publish(source: Source) -> Published:
    """Never raises for what an author wrote. May take much time and memory: run it in a `Cell`."""
    flaws: list[Flaw] = []
    names: set[str] = set()
    for part in ("subject", "body_text", HTML, MJML):
        text = getattr(source, part)
        if text is None:
            continue
        text = checking.with_plain_line_ends(text)
        try:
            checking.check(text)
            names |= checking.variables(text)
        except SourceFlawed as flaw:
            flaws.append(flaw_at(part, text, flaw.offset, flaw.reason))
    if flaws:
        return Published(flaws=flaws)
    part = MJML if source.body_mjml is not None else HTML
    text = checking.with_plain_line_ends(getattr(source, part) or "")
    try:
        compiled = _compiled(part, text, source.inline_css)
        warnings = [NO_WORDS] if source.body_text is None and text and _wordless(compiled or text) else []
        sent = compiled if compiled is not None else source.body_html
        required = needs_of(source.subject, source.body_text, sent)
        if source.payload and source.body_text is not None:
            wrong, warning = payload_flaws(checking.with_plain_line_ends(source.body_text), names, required)
            if wrong is not None:
                return Published(flaws=[flaw_at("body_text", source.body_text, 0, f"what it makes {wrong}")])
            warnings += [warning] if warning is not None else []
        return Published(
            compiled,
            variables=sorted(names - {RECIPIENT}),
            required=required,
            reads_recipient=RECIPIENT in names,
            reads_items=not names.isdisjoint(SEVERAL),
            warnings=warnings,
        )
    except SourceFlawed as flaw:
        return Published(flaws=[flaw_at(part, text, flaw.offset, flaw.reason)])


def needs_of(*texts: str | None) -> list[str]:
    """What data the texts of a checked version cannot do without, in order."""
    return sorted(needed(*(checking.with_plain_line_ends(each) for each in texts if each is not None)))


def reads_recipient(*texts: str) -> bool:
    """Whether one of the texts of a checked version uses the recipient."""
    return any(RECIPIENT in _variables(each) for each in texts)


def reads_items(*texts: str) -> bool:
    """Whether one of the texts of a checked version shows several events."""
    return any(not _variables(each).isdisjoint(SEVERAL) for each in texts)


def _variables(text: str) -> set[str]:
    return checking.variables(checking.with_plain_line_ends(text))


def _wordless(html: str) -> bool:
    """Whether the text derived from it is empty for any data."""
    protected = Protected(html)
    words = protected.word.sub(
        lambda found: "x" if protected.tags[found[0]].kind in ("variable", "raw") else "", protected.text
    )
    try:
        return not html_to_text(words)
    except TemplateLimitExceeded:
        return False


def _compiled(part: str, text: str, inline_css: bool) -> str | None:
    if part == HTML and not (inline_css and inlining.has_rules(text)):
        return None
    protected = Protected(text)
    compiled = (
        mjml_source.compiled(protected) if part == MJML else inlining.inlined(protected, protected.text)
    )
    html = protected.restored(compiled)
    if len(html) > MAX_SOURCE:
        raise SourceFlawed(0, f"the HTML made of it has more than {MAX_SOURCE // 1024} Ki characters")
    checking.check(html)
    return html
