from collections.abc import Iterator
from contextlib import contextmanager

from hermodr_delivery.failures import OutcomeUnknown


@contextmanager
def paid(measured: str | None) -> Iterator[None]:
    """An attempt of unknown outcome is measured too: it is paid for if it was accepted."""
    try:
        yield
    except OutcomeUnknown as failure:
        failure.measured = measured
        raise
