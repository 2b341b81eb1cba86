"""Renders a template version with its data."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType, TracebackType
from typing import NamedTuple, Protocol
from uuid import UUID

from jinja2 import Template, TemplateSyntaxError, UndefinedError

from hermodr_contracts.brands import Brand
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
NOTHING: Mapping[str, str] = MappingProxyType({})


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


class OfProject(TemplateVersion, Protocol):
    """One that may speak of its project."""

    @property
    def brand(self) -> Brand | None: ...


class Rendered(NamedTuple):
    """The content of a mail. `text` is derived from `html` where nobody wrote one."""

    subject: str
    text: str
    html: str | None


class RenderingFailed(Exception):
    """`code`: `render_missing_variable`, `render_limit`, `render_failed`, `render_suspended` or `render_busy`. `detail`
    names the text, the line and the reason, never a value of the data. `passing`: a retry may succeed."""

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
    """Renders within `limits` and keeps the last `kept` compiled templates. A usual mail takes about ten microseconds,
    compiling takes milliseconds: a source of more than `most_tokens` tokens fails with `render_limit`."""

    def __init__(self, limits: Limits = FULL, *, kept: int = 500, most_tokens: int | None = None) -> None:
        self._limits = limits
        self._most_tokens = most_tokens
        self._plain = TemplateEnvironment(autoescape=False)
        self._escaping = TemplateEnvironment(autoescape=True)
        self._kept = kept
        self._compiled: OrderedDict[tuple[UUID, int, str], _Compiled | RenderingFailed] = OrderedDict()

    def render(
        self,
        template: TemplateVersion,
        data: Mapping[str, object],
        remarks: list[str] | None = None,
        supplied: Mapping[str, str] = NOTHING,
    ) -> Rendered:
        """Escapes values in HTML only. `remarks` gets what the author may not have meant; `supplied` are names that the
        data may have as well. Raises `RenderingFailed`."""
        compiled = self._compile(template)
        with Metered(self._limits, remarks):
            names = {**self._plain.globals, **supplied, **exact(dict(data))}
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
        except RenderingFailed as failure:  # versions never change: it would fail again
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
            # what `Template.generate` does, without its extra generator and copy of the names
            pieces = template.root_render_func(template.new_context(names, shared=True))
            return _sound(_joined(pieces, self._limits.text))
        except Exception as error:
            raise _failure_of(error, part, template, source) from error


def as_given(
    subject: str | None, body_text: str | None, body_html: str | None, limits: Limits = FULL
) -> Rendered:
    """Content without a template; a missing text is derived. Raises `RenderingFailed` for HTML that takes too long."""
    if body_text is None:
        try:
            body_text = html_to_text(body_html, limits) if body_html is not None else ""
        except TemplateLimitExceeded as error:
            raise RenderingFailed(LIMIT, f"{_HTML}: {error}") from error
    return Rendered(subject or "", body_text, body_html)


def _joined(pieces: Iterator[str], longest: int) -> str:
    """Joined in chunks, so that the length is checked while the text grows."""
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
    """`text`. Raises `Mistake` for characters that no mail and no JSON can hold."""
    if reason := flaw_of_text(text):
        raise Mistake(f"what comes of it {reason}")
    return text


def _failure_of(
    error: Exception, part: str, template: Template | None = None, source: str | None = None
) -> RenderingFailed:
    """The error without any value of the data."""
    where = _where(part, error.__traceback__, template)
    match error:
        case TemplateSyntaxError():
            return RenderingFailed("render_failed", f"{part}, line {error.lineno}: {error.message}")
        case UndefinedError():
            name = error.message or ""  # for `{{ names[x] }}` it is a value of the data
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
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == part:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    if line is None or template is None:
        return part
    return f"{part}, line {template.get_corresponding_lineno(line)}"
