"""Takes in a CSV of recipients for the task that imports it."""

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import Answer, Key, patience, settled
from hermodr_api.errors import CONFLICT, Flaw, Refused, cut, invalid, unavailable
from hermodr_api.jobs.accepting import Accepting
from hermodr_api.tasks.models import TaskIn, answer_of, task_of
from hermodr_contracts.built_in_tasks import RECIPIENTS_IMPORT
from hermodr_ledger.access import audit, idempotency
from hermodr_ledger.access.idempotency import Idempotency
from hermodr_ledger.engine import Ledger
from hermodr_ledger.files import kept
from hermodr_ledger.files.kept import NewFile
from hermodr_ledger.jobs.accept import NewJob
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.files import Files, FilesUnavailable
from hermodr_servicekit.ids import new_id, new_job_id

COLUMNS = (
    *("external_id", "user_id", "name", "email", "phone", "locale", "timezone", "relationship"),
    "attributes",
)
MOST_LINES = 100_000
_KEPT = timedelta(days=7)
"""For a task that waits for a worker."""


class Imports:
    """The use case of `POST /v1/recipients/import`. `files` `None`: there are none here."""

    def __init__(self, ledger: Ledger, accepting: Accepting, clock: Clock, files: Files | None) -> None:
        self._ledger = ledger
        self._accepting = accepting
        self._clock = clock
        self._files = files

    async def request(self, caller: Caller, body: bytes, key: Key | None) -> Answer:
        """Stores the CSV, then accepts the task. Raises `Refused` and `LedgerUnavailable`."""
        rows = await asyncio.to_thread(_checked, body)
        if self._files is None:
            raise Refused(CONFLICT, "files are not kept here: HERMODR_FILES_URL is not set")
        if (before := await self._before(caller, key)) is not None:
            return before
        file_id, job_id = new_id(), new_job_id()
        new = NewFile(file_id, caller.project_id, job_id, "import", None, "recipients.csv", "text/csv")
        detail = {"lines": rows, "bytes": len(body)}
        async with patience(), self._ledger.transaction() as transaction:
            await kept.reserve(transaction, new)
            await audit.record(
                transaction, caller.project_id, caller.actor, "recipient.import", job_id, detail
            )
        try:
            await self._files.put(file_id, body)
        except FilesUnavailable:
            raise unavailable("files") from None
        async with patience():
            await kept.finish(self._ledger, file_id, len(body), self._clock.now() + _KEPT)
        return await self._accept(caller, job_id, file_id, rows, key)

    async def _before(self, caller: Caller, key: Key | None) -> Answer | None:
        """The answer to an earlier request with the key: nothing is stored then."""
        if key is None:
            return None
        async with patience():
            known = await idempotency.look(self._ledger, caller.project_id, key.value, key.fingerprint)
        return settled(known) if known is not None else None

    async def _accept(
        self, caller: Caller, job_id: UUID, file_id: UUID, rows: int, key: Key | None
    ) -> Answer:
        task = TaskIn(type=RECIPIENTS_IMPORT, payload={"file_id": str(file_id), "rows": rows})
        job = task_of(task, job_id, caller.project_id, None, self._clock)
        assert isinstance(job, NewJob)
        answer = answer_of(job)
        if key is not None:
            job = job._replace(idempotency=Idempotency(key.value, key.fingerprint, answer))
        needed = True
        try:
            async with patience():
                done = await self._accepting.commit(job, lambda: answer)
            needed = not done.replayed  # else the file of the other request is what is imported
        except Refused:
            needed = False
            raise
        finally:
            if not needed:
                async with patience():
                    await kept.expire(self._ledger, file_id)
        return done


def _checked(body: bytes) -> int:
    """How many lines it has beside the header. Raises `Refused` for what is no CSV of recipients."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _flawed("is not UTF-8") from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    count = 0
    try:
        _check_header([each.strip().lower() for each in next(rows, [])])
        for row in rows:
            count += bool(row)
            if count > MOST_LINES:
                raise _flawed(f"has more than {MOST_LINES} lines")
    except csv.Error as error:
        raise _flawed(f"is not CSV at line {rows.line_num}: {error}") from None
    if not count:
        raise _flawed("has no lines after its header")
    return count


def _check_header(names: Sequence[str]) -> None:
    known = f"known are {', '.join(COLUMNS)}"
    if "external_id" not in names:
        hint = "; its columns stand between commas, not semicolons" if ";" in "".join(names) else ""
        raise _flawed(f"needs a header with the column external_id; {known}{hint}")
    if unknown := [name for name in names if name not in COLUMNS]:
        raise _flawed(f"has a column that is not known, {cut(unknown[0], 100)!r}; {known}")
    if len(set(names)) != len(names):
        raise _flawed("has a column twice")


def _flawed(reason: str) -> Refused:
    return invalid(Flaw(("body",), reason))
