"""The answer to a bulk request. It is put together of texts: its objects would take more memory."""

from collections.abc import Mapping
from uuid import UUID

import orjson

from hermodr_api.errors import Flaw
from hermodr_api.http.bulk_bodies import written


def body_of(
    batch_id: UUID, accepted: int, rejected: Mapping[int, list[Flaw]], replayed: dict[int, UUID]
) -> bytes:
    head = orjson.dumps({"batch_id": batch_id, "accepted": accepted})[:-1]
    known = orjson.dumps([{"index": each, "job_id": replayed[each]} for each in sorted(replayed)])
    return head + b',"rejected":' + written(rejected) + b',"replayed":' + known + b"}"


def with_job_ids(
    body: bytes, items: int, known: Mapping[int, UUID], rejected: Mapping[int, list[Flaw]]
) -> bytes:
    """`body` with the job of each item, `null` for rejected ones."""
    ids = [None if index in rejected else known[index] for index in range(items)]
    return body[:-1] + b',"job_ids":' + orjson.dumps(ids) + b"}"
