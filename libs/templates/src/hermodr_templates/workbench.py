"""What a `Cell` computes. Requests and answers are JSON, each after its length in four bytes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO
from uuid import UUID

from hermodr_templates.checking import variables
from hermodr_templates.confinement import confine
from hermodr_templates.limits import QUICK
from hermodr_templates.needs import RECIPIENT
from hermodr_templates.publishing import Source, publish
from hermodr_templates.rendering import Renderer, RenderingFailed, as_given

_MEMORY = 768 * 1024 * 1024
_LENGTH = 4
_NO_ID = "00000000-0000-0000-0000-000000000000"
_MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>{{ x }}</mj-text></mj-column></mj-section></mj-body></mjml>"
_HTML = "<style>p { color: red }</style><p>{{ x }} &auml; <a href='/x'>x</a></p>"
_MOST_REMARKS = 20
Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Version:
    template_id: UUID
    version: int
    locale: str
    subject: str | None
    body_text: str | None
    body_html: str | None


class Workbench:
    def __init__(self) -> None:
        self._renderer = Renderer()
        self._tasks: dict[str, Callable[[Message], Message]] = {
            "render": self._render,
            "text": self._text,
            "publish": self._publish,
        }

    def answer(self, request: Message) -> Message:
        """The answer; `failed` is `[code, detail]` of a template's error."""
        try:
            return self._tasks[request["do"]](request)
        except RenderingFailed as failure:
            return {"failed": [failure.code, failure.detail]}
        except (MemoryError, RecursionError) as failure:
            return {"failed": ["render_limit", type(failure).__name__]}

    def rehearse(self) -> None:
        """Does each task once, and fails once: so all is loaded that is loaded when it is first needed."""
        texts = (
            {"body_text": r"{{ '\N{EN DASH}' }}", "body_mjml": _MJML},
            {"body_html": _HTML},
            {"body_text": "{{"},
        )
        self.answer({"do": "publish", "texts": [{"subject": "{{ x }}", **each} for each in texts]})
        self.answer({"do": "text", "subject": "x", "body_html": _HTML})
        for number, data in enumerate(('{"x": "x"}', "{}")):
            version = [_NO_ID, number, "en", "{{ x }}", r"{{ x }} {{ '\N{EN DASH}' }}", _HTML]
            self.answer({"do": "render", "template": version, "data": data, "variables": True})

    def _render(self, request: Message) -> Message:
        template_id, *rest = request["template"]
        started = time.thread_time()
        remarks: list[str] | None = [] if request.get("variables") else None
        version = _Version(UUID(template_id), *rest)
        supplied = request.get("supplied", {})
        rendered = self._renderer.render(version, json.loads(request["data"]), remarks, supplied)
        quick = time.thread_time() - started < QUICK.cpu_seconds
        answer: Message = {"rendered": rendered._asdict(), "quick": quick}
        if remarks is not None:
            answer["remarks"] = list(dict.fromkeys(remarks))[:_MOST_REMARKS]
            names = [variables(each) for each in rest[2:] if each is not None]
            answer["variables"] = sorted(set[str]().union(*names) - {RECIPIENT})
        return answer

    def _text(self, request: Message) -> Message:
        return {"rendered": as_given(request["subject"], None, request["body_html"])._asdict()}

    def _publish(self, request: Message) -> Message:
        return {"published": [asdict(publish(Source(**each))) for each in request["texts"]]}


def serve() -> None:
    """Serves until standard input ends."""
    workbench = Workbench()
    workbench.rehearse()
    given_up = confine(_MEMORY)  # a template that needs more memory ends this process alone
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    _write(answers, {"given_up": given_up})  # ready
    while (request := _read(requests)) is not None:
        _write(answers, workbench.answer(request))


def _write(stream: BinaryIO, answer: Message) -> None:
    # The service's event loop reads it: "\\u…" for each non-ASCII letter would take it longer.
    octets = json.dumps(answer, ensure_ascii=False).encode("utf-8", "surrogatepass")
    stream.write(len(octets).to_bytes(_LENGTH, "big") + octets)
    stream.flush()


def _read(stream: BinaryIO) -> Message | None:
    head = stream.read(_LENGTH)
    if len(head) < _LENGTH:
        return None
    message: Message = json.loads(stream.read(int.from_bytes(head, "big")))
    return message
