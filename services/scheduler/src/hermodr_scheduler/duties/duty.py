"""The shape all duties have."""

import asyncio
from abc import ABC, abstractmethod
from typing import ClassVar


class Duty(ABC):
    """Work that recurs for as long as the scheduler lives."""

    name: ClassVar[str]
    after_error: ClassVar[float] = 1.0
    """Seconds until the next round after one that raised; the error is logged."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        """Set it when there is something to do: it ends the sleep between two rounds."""

    @abstractmethod
    async def tick(self) -> float:
        """One round of work; returns how many seconds to sleep until the next."""
