"""From a template version and its data to the content of a message."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import NamedTuple, Protocol
from uuid import UUID

from jinja2 import Template, TemplateSyntaxError, UndefinedError

from hermodr_contracts.json_values import flaw_of_text
from hermodr_templates.decimals import exact
from hermodr_templates.html_text import html_to_text
from hermodr_templates.limits import FULL, Limits, Metered, TemplateLimitExceeded
from hermodr_templates.mistakes import Mistake, Told, in_words
from hermodr_templates.sandbox import TemplateEnvironment

_SUBJECT, _TEXT, _HTML = "subject", "body_text", "body_html"
LIMIT = "render_limit"
MISSING = "render_missing_variable"
MAX_SUBJECT = 10_000


class TemplateVersion(Protocol):
    """One immutable version of a template in one locale."""

    @property
    def template_id(self) -> UUID: ...
    @property
    def version(self) -> int: ...
    @property
    def locale(self) -> str: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def body_text(self) -> str | None: ...
    @property
    def body_html(self) -> str | None: ...


class Rendered(NamedTuple):
    """The content of a mail. `text` is never missing: where nobody wrote one, it is derived from `html`."""

    subject: str
    text: str
    html: str | None


class RenderingFailed(Exception):
    """`code` is `render_missing_variable`, `render_limit`, `render_failed` or `render_suspended`; `detail` names the
    text, its line and the reason, never a value of the data. `passing`: another time it may go well."""

    def __init__(self, code: str, detail: str, *, passing: bool = False) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.passing = passing


@dataclass(frozen=True, slots=True)
class _Compiled:
    subject: Template | None
    text: Template | None
    html: Template | None


class Renderer:
    """Renders templates within limits of time and size, and remembers the last `kept` compiled ones.

    Synchronous and computing only: a usual mail takes some ten microseconds. Compiling takes milliseconds, and far
    more for a large source: one of more than `most_tokens` lexical ones is not compiled here, but a `render_limit`.
    """

    def __init__(self, limits: Limits = FULL, *, kept: int = 500, most_tokens: int | None = None) -> None:
        self._limits = limits
        self._most_tokens = most_tokens
        self._plain = TemplateEnvironment(autoescape=False)
        self._escaping = TemplateEnvironment(autoescape=True)
        self._kept = kept
        self._compiled: OrderedDict[tuple[UUID, int, str], _Compiled | RenderingFailed] = OrderedDict()

    def render(
        self, template: TemplateVersion, data: Mapping[str, object], remarks: list[str] | None = None
    ) -> Rendered:
        """The content for `data`; values are escaped in HTML only. `remarks` is filled with what the author may not
        have meant, and where.

        Raises RenderingFailed: `render_missing_variable` naming the variable and line, `render_failed` with the line
        and kind of any other mistake, `render_limit` for a template that wants too much.
        """
        compiled = self._compile(template)
        with Metered(self._limits, remarks):
            names = {**self._plain.globals, **exact(dict(data))}
            subject = " ".join((self._run(_SUBJECT, compiled.subject, names, template.subject) or "").split())
            if len(subject) > MAX_SUBJECT:
                raise RenderingFailed(LIMIT, f"{_SUBJECT}: more than {MAX_SUBJECT} characters")
            text = self._run(_TEXT, compiled.text, names, template.body_text)
            html = self._run(_HTML, compiled.html, names, template.body_html)
        return as_given(subject, text, html, self._limits)

    def _compile(self, template: TemplateVersion) -> _Compiled:
        key = (template.template_id, template.version, template.locale)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = self._compile_anew(template)
            if len(self._compiled) > self._kept:
                self._compiled.popitem(last=False)
        else:
            self._compiled.move_to_end(key)
        if isinstance(compiled, RenderingFailed):
            raise RenderingFailed(compiled.code, compiled.detail)
        return compiled

    def _compile_anew(self, template: TemplateVersion) -> _Compiled | RenderingFailed:
        try:
            return _Compiled(
                self._compile_part(self._plain, _SUBJECT, template.subject),
                self._compile_part(self._plain, _TEXT, template.body_text),
                self._compile_part(self._escaping, _HTML, template.body_html),
            )
        except RenderingFailed as failure:  # versions never change, so it will fail again
            return failure.with_traceback(None)

    def _compile_part(
        self, environment: TemplateEnvironment, part: str, source: str | None
    ) -> Template | None:
        if source is None:
            return None
        try:
            if self._most_tokens is not None and environment.has_more_tokens(source, self._most_tokens):
                raise TemplateLimitExceeded("too large a source to be compiled here")
            return environment.template(source, part)
        except Exception as error:
            raise _failure_of(error, part) from error

    def _run(
        self, part: str, template: Template | None, names: dict[str, object], source: str | None
    ) -> str | None:
        if template is None:
            return None
        try:
            # what `Template.generate` does, without a generator around the template's own, nor a copy of the names
            pieces = template.root_render_func(template.new_context(names, shared=True))
            return _sound(_joined(pieces, self._limits.text))
        except Exception as error:
            raise _failure_of(error, part, template, source) from error


def as_given(
    subject: str | None, body_text: str | None, body_html: str | None, limits: Limits = FULL
) -> Rendered:
    """Content as it is: nothing in it is a template any more. The text is derived where there is none. Raises
    RenderingFailed, `render_limit`, for HTML that would take too long to read."""
    if body_text is None:
        try:
            body_text = html_to_text(body_html, limits) if body_html is not None else ""
        except TemplateLimitExceeded as error:
            raise RenderingFailed(LIMIT, f"{_HTML}: {error}") from error
    return Rendered(subject or "", body_text, body_html)


def _joined(pieces: Iterator[str], longest: int) -> str:
    """By handfuls: the text is measured while it grows, at next to no cost for the usual mail."""
    joined = "".join(islice(pieces, 512))
    if len(joined) <= longest and (more := list(islice(pieces, 512))):
        kept, length = [joined], len(joined)
        while more:
            kept.append("".join(more))
            length += len(kept[-1])
            if length > longest:
                break
            more = list(islice(pieces, 512))
        joined = "".join(kept)
    if len(joined) > longest:
        raise TemplateLimitExceeded(f"more than {longest // 1024} Ki characters")
    return joined


def _sound(text: str) -> str:
    """`text`, if it is made of characters: a format can make of sound data what no mail and no JSON can hold."""
    if reason := flaw_of_text(text):
        raise Mistake(f"what comes of it {reason}")
    return text


def _failure_of(
    error: Exception, part: str, template: Template | None = None, source: str | None = None
) -> RenderingFailed:
    """What a template did wrong, without a value of the data in it."""
    where = _where(part, error.__traceback__, template)
    match error:
        case TemplateSyntaxError():
            return RenderingFailed("render_failed", f"{part}, line {error.lineno}: {error.message}")
        case UndefinedError():
            name = error.message or ""  # of `{{ names[x] }}` it is a value
            written = isinstance(name, Told) or re.search(rf"(?<!\w){re.escape(name)}(?!\w)", source or "")
            return RenderingFailed(MISSING, f"{where}: {name if written else 'something'} is missing")
        case TemplateLimitExceeded():
            return RenderingFailed(LIMIT, f"{where}: {error}")
        case Mistake():
            return RenderingFailed("render_failed", f"{where}: {error}")
        case MemoryError() | RecursionError():
            return RenderingFailed(LIMIT, f"{part}: {type(error).__name__}")
        case _:  # templates can raise anything
            return RenderingFailed("render_failed", f"{where}: {in_words(error)}")


def _where(part: str, traceback: TracebackType | None, template: Template | None) -> str:
    """The innermost line of the template: the code it was compiled to is named after the part."""
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == part:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    if line is None or template is None:
        return part
    return f"{part}, line {template.get_corresponding_lineno(line)}"
