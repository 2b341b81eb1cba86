import signal
import sys
from collections.abc import Callable
from types import FrameType

INTERRUPTED = 130


def interruptible(main: Callable[[], int | None]) -> int | None:
    """SIGTERM works like Ctrl-C, also in a background job, where the shell has SIGINT ignored: servers are
    removed, the status is 130."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        return main()
    except KeyboardInterrupt:
        print("\nstopped; its servers and services are gone with it", file=sys.stderr)
        return INTERRUPTED
