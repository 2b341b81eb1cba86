"""What the parts of a client share: making a request and reading its answer."""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel

from hermodr_client.answers import decoded
from hermodr_client.errors import NotFound, NotSendable
from hermodr_client.exchange import Reply, Request, Steps
from hermodr_client.limits import flaw_of
from hermodr_client.retrying import Pace, exchange

W = TypeVar("W")
"""`Blocking` or `Awaiting`."""
M = TypeVar("M", bound=BaseModel)

Query = Mapping[str, str | int | bool | UUID | datetime | None]
Id = UUID | str


class Part(Generic[W]):
    def __init__(self, way: W) -> None:
        self._way: Any = way

    @property
    def _pace(self) -> Pace:
        pace: Pace = self._way.pace
        return pace

    def _get(
        self, path: str, model: type[M], query: Query | None = None, until: float = math.inf
    ) -> Steps[M]:
        request = Request("GET", path, query_of(query or {}))
        return decoded((yield from exchange(request, self._pace, until)), model)

    def _post(self, path: str, model: type[M], document: object = None, key: str | None = None) -> Steps[M]:
        """Always with an Idempotency-Key, so that it can be repeated."""
        request = Request(
            "POST", path, body=encoded(document or {}), idempotency_key=new_key() if key is None else key
        )
        return decoded((yield from exchange(request, self._pace)), model)

    def _put(self, path: str, model: type[M], document: object) -> Steps[M]:
        return decoded((yield from exchange(Request("PUT", path, body=encoded(document)), self._pace)), model)

    def _patch(
        self, path: str, model: type[M], document: object | None, query: Query | None = None
    ) -> Steps[M]:
        body = encoded(document) if document is not None else None
        request = Request("PATCH", path, query_of(query or {}), body=body)
        return decoded((yield from exchange(request, self._pace)), model)

    def _delete(self, path: str, query: Query | None = None) -> Steps[Reply | None]:
        """None when an earlier attempt, whose answer got lost, has deleted it already."""
        try:
            return (yield from exchange(Request("DELETE", path, query_of(query or {})), self._pace))
        except NotFound as error:
            if error.uncertain:
                return None
            raise


def path_of(*parts: Id | int) -> str:
    """`("jobs", id)` → `/v1/jobs/<id>`, each part encoded. Raises `NotSendable`."""
    return "/v1/" + "/".join(quote(_whole(str(part)), safe="") for part in parts)


def query_of(wanted: Query) -> dict[str, str]:
    """Leaves out None. Raises `NotSendable`, also for a time without its offset."""
    return {name: _text(value) for name, value in wanted.items() if value is not None}


def encoded(document: object) -> bytes:
    """JSON. Raises `NotSendable` with the place of what JSON cannot express, of what Hermodr would not keep as it is
    (`limits`), and of times without their offset."""
    if flaw := flaw_of(document):
        raise NotSendable(flaw)
    try:
        text = json.dumps(
            document, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
        )
    except NotSendable:
        raise
    except (TypeError, ValueError) as error:
        raise NotSendable(f"cannot be said in JSON: {error}") from None
    return text.encode()


def new_key() -> str:
    """A uuid7 (RFC 9562 §5.7), so that keys of one time are neighbours in an index."""
    number = int(time.time() * 1000) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    return str(UUID(int=number & ~(0x3 << 62) | 0x2 << 62))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(_plain(value)) if isinstance(value, datetime) else _whole(str(value))


def _whole(text: str) -> str:
    """Raises `NotSendable` for text that would not arrive as it is."""
    if flaw := flaw_of(text):
        raise NotSendable(flaw)
    return text


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise NotSendable("a moment needs its UTC offset: datetime.now(UTC), or replace(tzinfo=…)")
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise NotSendable(f"{type(value).__name__} cannot be said in JSON")
