from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack
from uuid import UUID

from hermodr_client.answers import decoded
from hermodr_client.bulk import chunks
from hermodr_client.errors import BulkInterrupted, NotSendable
from hermodr_client.exchange import NDJSON, Request, Steps, checked_key
from hermodr_client.models.notifications import (
    Accepted,
    AcceptedBatch,
    BulkAnswer,
    BulkResult,
    Content,
    Notification,
    Replayed,
    To,
)
from hermodr_client.models.simulations import Simulation, Simulations
from hermodr_client.operation import operation
from hermodr_client.part import Part, W, new_key, path_of
from hermodr_client.retrying import exchange


class Notifications(Part[W]):
    @operation
    def send(
        self, to: To | str, *, idempotency_key: str | None = None, **content: Unpack[Content]
    ) -> Steps[Accepted]:
        """Requests one notification; it is committed when this returns. `content`: see `Content`.

        `to` is a bare address, or one of the fields of `To`: `{"external_id": "guest-7"}`. With an `idempotency_key`
        of your own the call can be repeated even after your process died; without one each call has a fresh key for
        all its attempts.
        """
        document = _document({"to": to, **content})
        return self._post(path_of("notifications"), Accepted, document, idempotency_key)

    @operation
    def send_to_group(
        self, group: UUID | str, *, idempotency_key: str | None = None, **content: Unpack[Content]
    ) -> Steps[AcceptedBatch]:
        """Requests one notification for each who is in the group now; all of them are committed when this returns.
        The members are the API's to find, and 20,000 at most; `batches.wait` waits for their ends."""
        document = {**_content(content), "to": {"group_id": group}}
        return self._post(path_of("notifications"), AcceptedBatch, document, idempotency_key)

    @operation
    def simulate(self, to: To | str, **content: Unpack[Content]) -> Steps[Simulation]:
        """What would become of a `send` of the same now, by the rules that decide for real. Nothing is sent."""
        document = _document({"to": to, **content})
        return self._post(path_of("notifications", "simulate"), Simulation, document)

    @operation
    def simulate_many(self, items: Sequence[Notification | Mapping[str, Any]]) -> Steps[list[Simulation]]:
        """The same of up to 1,000, in their order. A bad one has `errors`."""
        documents = [_document(each) for each in items]
        answer = yield from self._post(path_of("notifications", "simulate"), Simulations, documents)
        return answer.data

    @operation
    def send_many(
        self,
        items: Iterable[Notification | Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
        job_ids: bool = False,
    ) -> Steps[BulkResult]:
        """Requests any number of notifications, reading `items` lazily: up to 10,000 or 10 MiB a request. A bad item
        is `rejected` and refuses no others. With `job_ids` the result tells the job of each item.

        Raises `BulkInterrupted` when a request fails, or reading `items` does after one was sent, with what was
        accepted and the key to continue with.
        """
        key = new_key() if idempotency_key is None else checked_key(idempotency_key)
        result = BulkResult()
        query = {"include": "job_ids"} if job_ids else {}
        number = 0
        try:
            for chunk in chunks(items, _document):
                if chunk.lines:
                    path = path_of("notifications", "bulk")
                    request = Request("POST", path, query, chunk.body, NDJSON, f"{key}.{number}")
                    number += 1
                    answer = decoded((yield from exchange(request, self._pace)), BulkAnswer)
                    result.accepted += answer.accepted
                    result.batches.append(answer.batch_id)
                    result.replayed += (
                        Replayed(chunk.places[each.index], each.job_id) for each in answer.replayed
                    )
                    rejected, told = answer.rejected, answer.job_ids
                else:
                    rejected, told = [], []
                result.rejected += chunk.rejected(rejected)
                if job_ids:
                    result.job_ids += chunk.placed(told)
        except Exception as error:
            if number == 0:  # what was given cannot be read, and nothing was sent of it
                raise
            raise BulkInterrupted(result, key) from error
        return result


def _document(given: Mapping[str, Any]) -> dict[str, Any]:
    """As the API wants it: the recipient by its kind, and `_content`."""
    return {**_content(given), "to": _recipient(given["to"])}


def _content(given: Mapping[str, Any]) -> dict[str, Any]:
    """Files in base64, `from` by its name."""
    document = {"from" if name == "from_" else name: value for name, value in given.items()}
    if document.get("attachments"):
        document["attachments"] = [_attachment(each) for each in document["attachments"]]
    return document


def _attachment(given: Mapping[str, Any]) -> Mapping[str, Any]:
    content = given.get("content")
    return {**given, "content": b64encode(content).decode("ascii")} if isinstance(content, bytes) else given


def _recipient(to: To | str | Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(to, str):
        if "group_id" in to:
            raise NotSendable("to: a group is written to by send_to_group")
        return to
    if "@" in to:
        return {"email": to}
    if to.startswith("+"):
        return {"phone": to}
    raise NotSendable(
        'to: a text is an address, with an "@", or a phone number, with a leading "+"; '
        'else say which it is: {"external_id": …}, {"recipient_id": …}, {"user_id": …}'
    )
