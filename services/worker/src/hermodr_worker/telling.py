"""What a process tells its worker. The code of a task runs in it, and may write anything to the socket."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import from_json

from hermodr_worker.context import Progress, line_of
from hermodr_worker.domain import Ended
from hermodr_worker.endings import MOST_OF_A_RESULT


def _checked(progress: Progress) -> Progress:
    return Progress.checked(progress.current, progress.total, progress.message)


def _recordable(ended: Ended) -> Ended:
    """Raises `ValueError` if the ledger could not store it."""
    if ended.how not in ("completed", "failed", "cancelled"):
        raise ValueError("an end that is the worker's to tell")
    if "\0" in f"{ended.error}{ended.detail}":
        raise ValueError("a NUL character")
    if ended.result is not None:
        if len(ended.result) > MOST_OF_A_RESULT or "\\u0000" in ended.result:
            raise ValueError("no result")
        from_json(ended.result, allow_inf_nan=False)
    return ended


class Told(BaseModel):
    """Of one attempt: how far it got, a line of its log, or how it ended."""

    model_config = ConfigDict(extra="forbid")

    job_id: UUID
    attempt: int
    progress: Annotated[Progress, AfterValidator(_checked)] | None = None
    line: Annotated[str, AfterValidator(line_of)] | None = None
    ended: Annotated[Ended, AfterValidator(_recordable)] | None = None
    obeyed: bool = False
