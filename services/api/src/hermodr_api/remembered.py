from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

from hermodr_servicekit.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
MOST = 10_000


class Remembered(Generic[K, V]):
    """Answers of the ledger, believed for some seconds; at most `most`. An answer that was read while something was
    forgotten is not kept, as it may be of before the change:

    reading = remembered.reading
    remembered.keep(reading, {key: await ask(key)})
    """

    def __init__(self, clock: Clock, seconds: float, most: int = MOST) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._kept: dict[K, tuple[float, V]] = {}
        self.reading = 0
        """To be read before the ledger is asked."""

    def __getitem__(self, key: K) -> V:
        """Raises `KeyError` for what is unknown or too old."""
        until, value = self._kept[key]
        if until <= self._clock.monotonic():
            raise KeyError(key)
        return value

    def get(self, key: K) -> V | None:
        try:
            return self[key]
        except KeyError:
            return None

    def keep(self, reading: int, answers: Mapping[K, V]) -> None:
        if reading != self.reading:
            return
        if len(self._kept) >= self._most:
            self._kept.clear()
        until = self._clock.monotonic() + self._seconds
        self._kept.update((key, (until, value)) for key, value in answers.items())

    def forget(self, key: K) -> None:
        self.reading += 1
        self._kept.pop(key, None)

    def forget_all(self, which: Callable[[K], bool] = lambda _: True) -> None:
        self.reading += 1
        for key in [each for each in self._kept if which(each)]:
            del self._kept[key]
