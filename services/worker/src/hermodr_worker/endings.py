"""How an attempt ended, by what its function returned or raised. Nothing is kept that the task worked with, unless its
code put it there on purpose."""

import traceback
from pathlib import Path

from pydantic import ValidationError

from hermodr_worker.context import UNSTORABLE
from hermodr_worker.definition import AnyTask
from hermodr_worker.domain import Ended
from hermodr_worker.errors import Retry, TaskFailed

MOST_OF_A_RESULT = 1024 * 1024
_MOST_OF_AN_ERROR = 500
_FRAMES = 20


def completed(task: AnyTask, value: object) -> Ended:
    """The function returned this."""
    try:
        result = task.result(value)
    except Exception as error:  # noqa: BLE001 - a serializer of the task's own
        return Ended("failed", error=f"its result is no JSON ({type(error).__name__})", final=True)
    if len(result) > MOST_OF_A_RESULT:
        return Ended("failed", error=f"its result has more than {MOST_OF_A_RESULT} bytes", final=True)
    if "\\u0000" in result:  # as JSON writes NUL
        return Ended("failed", error="its result holds a NUL character", final=True)
    return Ended("completed", result=result)


def misfit(error: ValidationError) -> Ended:
    """The payload does not fit: where, without what is there."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    told = [f"payload.{'.'.join(map(str, each['loc']))}: {each['type']}" for each in found[:5]]
    return Ended("failed", error="; ".join(told).translate(UNSTORABLE)[:_MOST_OF_AN_ERROR], final=True)


def failed(error: BaseException) -> Ended:
    """What is stored of an exception: type and places, and the text of those raised to be shown."""
    if isinstance(error, TaskFailed):
        return Ended("failed", error=_said(error) or "it failed", final=True, foreseen=True)
    if isinstance(error, Retry):
        return Ended("failed", error=_said(error) or "it wants to be tried again", after=error.after)
    return Ended("failed", error=type(error).__name__, detail=places(error))


def places(error: BaseException) -> str:
    """The stack, files and lines only, innermost last. Texts and values may hold secrets, and stay out."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    lines = [f"{Path(each.filename).name}:{each.lineno} in {each.name}" for each in frames]
    return "\n".join([*lines, type(error).__name__])


def _said(error: BaseException) -> str:
    return str(error).translate(UNSTORABLE)[:_MOST_OF_AN_ERROR]
