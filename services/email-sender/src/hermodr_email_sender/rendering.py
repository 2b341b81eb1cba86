"""From a template version and its data to the content of a mail."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol
from uuid import UUID

from jinja2 import Template, TemplateSyntaxError, UndefinedError

from hermodr_delivery.failures import PermanentError
from hermodr_email_sender.html_text import html_to_text
from hermodr_email_sender.template_limits import MAX_TEXT, TemplateLimitExceeded, metered
from hermodr_email_sender.template_sandbox import TemplateEnvironment

_SUBJECT, _TEXT, _HTML = "subject", "body_text", "body_html"


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


@dataclass(frozen=True, slots=True)
class Rendered:
    """The content of a mail. `text` is never missing: where nobody wrote one, it is derived from `html`."""

    subject: str
    text: str
    html: str | None


@dataclass(frozen=True, slots=True)
class _Compiled:
    subject: Template | None
    text: Template | None
    html: Template | None


class Renderer:
    """Renders templates within limits of time and size, and remembers the last `kept` compiled ones.

    Synchronous and computing only: a usual mail takes some ten microseconds.
    """

    def __init__(self, kept: int = 500) -> None:
        self._plain = TemplateEnvironment(autoescape=False)
        self._escaping = TemplateEnvironment(autoescape=True)
        self._kept = kept
        self._compiled: OrderedDict[tuple[UUID, int, str], _Compiled] = OrderedDict()

    def render(self, template: TemplateVersion, data: Mapping[str, object]) -> Rendered:
        """The content for `data`; values are escaped in HTML only.

        Raises PermanentError: `render_missing_variable` naming the variable and line, `render_failed` with the line
        and kind of any other mistake, `render_limit` for a template that wants too much. Values from `data` never
        appear in it.
        """
        with metered():
            compiled = self._compile(template)
            subject = _run(_SUBJECT, compiled.subject, data) or ""
            text = _run(_TEXT, compiled.text, data)
            html = _run(_HTML, compiled.html, data)
        return _content(" ".join(subject.split()), text, html)

    def as_given(self, subject: str | None, body_text: str | None, body_html: str | None) -> Rendered:
        """Content that came with the request: not a template, passed on untouched."""
        return _content(subject or "", body_text, body_html)

    def _compile(self, template: TemplateVersion) -> _Compiled:
        key = (template.template_id, template.version, template.locale)
        compiled = self._compiled.get(key)
        if compiled is not None:
            self._compiled.move_to_end(key)
            return compiled
        compiled = _Compiled(
            _compile(self._plain, _SUBJECT, template.subject),
            _compile(self._plain, _TEXT, template.body_text),
            _compile(self._escaping, _HTML, template.body_html),
        )
        self._compiled[key] = compiled
        if len(self._compiled) > self._kept:
            self._compiled.popitem(last=False)
        return compiled


def _content(subject: str, text: str | None, html: str | None) -> Rendered:
    if text is None:
        text = html_to_text(html) if html is not None else ""
    return Rendered(subject, text, html)


def _compile(environment: TemplateEnvironment, part: str, source: str | None) -> Template | None:
    if source is None:
        return None
    with _failures_of(part):
        return environment.template(source, part)


def _run(part: str, template: Template | None, data: Mapping[str, object]) -> str | None:
    if template is None:
        return None
    with _failures_of(part):
        return _joined(template.generate(data))


def _joined(pieces: Iterable[str]) -> str:
    kept: list[str] = []
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > MAX_TEXT:
            raise TemplateLimitExceeded(f"more than {MAX_TEXT // 1024} Ki characters")
        kept.append(piece)
    return "".join(kept)


@contextmanager
def _failures_of(part: str) -> Iterator[None]:
    """Turns whatever a template does wrong into a PermanentError without a value of the data in it."""
    try:
        yield
    except TemplateSyntaxError as error:
        raise PermanentError("render_failed", f"{part}, line {error.lineno}: {error.message}") from error
    except UndefinedError as error:
        where = _where(part, error.__traceback__)
        raise PermanentError("render_missing_variable", f"{where}: {error.message} is missing") from error
    except TemplateLimitExceeded as error:
        raise PermanentError("render_limit", f"{_where(part, error.__traceback__)}: {error}") from error
    except (MemoryError, RecursionError) as error:
        raise PermanentError("render_limit", f"{part}: {type(error).__name__}") from error
    except Exception as error:
        # Templates can raise anything. The error's text may quote a value, so only its kind is told.
        where = _where(part, error.__traceback__)
        raise PermanentError("render_failed", f"{where}: {type(error).__name__}") from error


def _where(part: str, traceback: TracebackType | None) -> str:
    """The innermost line of the template; Jinja names the frames after it."""
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == part:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return part if line is None else f"{part}, line {line}"
