from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from hermodr_client.errors import Flaw, MalformedAnswer, Problem, kind_of
from hermodr_client.exchange import Reply

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_STANDARD = frozenset({"type", "title", "status", "detail", "errors", "request_id"})
_LONGEST_TEXT = 1000


def decoded(reply: Reply, model: type[M]) -> M:
    """The body as `model`. Raises `MalformedAnswer`, whose text names places in the answer and none of its values."""
    try:
        return model.model_validate_json(reply.body)
    except ValidationError as error:
        raise MalformedAnswer(_complaint(error, reply), reply.status) from None


def plain(reply: Reply) -> Any:
    try:
        return TypeAdapter(Any).validate_json(reply.body)
    except ValidationError as error:
        raise MalformedAnswer(_complaint(error, reply), reply.status) from None


def _complaint(error: ValidationError, reply: Reply) -> str:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return f"is not JSON but {_media_type(reply)}"
    place = ".".join(map(str, first["loc"])) or "its whole"
    return f"is not as expected at {place} ({first['type']})"


def problem_of(reply: Reply, retry_after: float | None) -> Problem:
    """The exception for an answer that is none of success, whoever wrote it."""
    document = _document(reply)
    if document is None:
        title = f"answered with {_media_type(reply)}, which no part of Hermodr does"
        return kind_of(reply.status, "")(reply.status, title, retry_after=retry_after)
    kind = _text(document.get("type"))
    return kind_of(reply.status, kind)(
        reply.status,
        _text(document.get("title")) or "no title",
        type=kind or "about:blank",
        detail=_text(document.get("detail")),
        errors=_flaws(document.get("errors")),
        request_id=_text(document.get("request_id")),
        retry_after=retry_after,
        members={name: value for name, value in document.items() if name not in _STANDARD},
    )


def _document(reply: Reply) -> dict[str, Any] | None:
    if not _media_type(reply).endswith("json"):
        return None
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _flaws(errors: object) -> tuple[Flaw, ...]:
    found = []
    for item in errors if isinstance(errors, list) else ():
        if isinstance(item, dict):
            loc = item.get("loc")
            parts = loc if isinstance(loc, list) else []
            found.append(
                Flaw(tuple(part for part in parts if isinstance(part, str | int)), _text(item.get("msg")))
            )
    return tuple(found)


def _text(value: object) -> str:
    return value[:_LONGEST_TEXT] if isinstance(value, str) else ""


def _media_type(reply: Reply) -> str:
    given = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    return given[:60] or "no Content-Type"
