"""The types of tasks that workers declare, as this process knows them."""

import structlog
from jsonschema_rs import ValidationError, Validator, validator_for

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import JsonObject
from hermodr_api.remembered import Remembered
from hermodr_ledger.engine import Ledger
from hermodr_ledger.tasks import types
from hermodr_ledger.tasks.types import KnownType
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

BELIEVED_SECONDS = 5.0
_MOST_FLAWS = 20
_MOST_OF_A_TEXT = 300

_Known = tuple[KnownType, Validator | None]


class TaskTypes:
    """A type that no worker has declared takes any payload: its task waits."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._remembered: Remembered[None, dict[str, _Known]] = Remembered(clock, BELIEVED_SECONDS)

    async def flaws(self, name: str, payload: JsonObject, at: tuple[str | int, ...]) -> list[Flaw]:
        """Where the payload does not fit what the type says; its values are not quoted. Raises `LedgerUnavailable`."""
        _, validator = (await self._known()).get(name, (None, None))
        if validator is None:
            return []
        try:
            found = [
                each for each, _ in zip(validator.iter_errors(payload), range(_MOST_FLAWS), strict=False)
            ]
        except ValueError:  # a number that it cannot read: the worker decides
            return []
        return [_flaw(each, at) for each in found]

    async def _known(self) -> dict[str, _Known]:
        known = self._remembered.get(None)
        if known is None:
            reading = self._remembered.reading
            known = {each.type.name: (each, _validator(each)) for each in await types.known(self._ledger)}
            self._remembered.keep(reading, {None: known})
        return known


def _flaw(error: ValidationError, at: tuple[str | int, ...]) -> Flaw:
    return Flaw((*at, *error.instance_path), error.message[:_MOST_OF_A_TEXT])


def _validator(known: KnownType) -> Validator | None:
    if known.type.payload_schema is None:
        return None
    try:
        return validator_for(dict(known.type.payload_schema), mask="it", offline=True)
    except ValueError as error:  # of a library that writes schemas of its own
        log.warning("a task's schema is unusable", task=known.type.name, error=type(error).__name__)
        return None
