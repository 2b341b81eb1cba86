"""Loaded by every Python that libfaketime is loaded into.

Debian's 0.9.10 breaks `time.sleep`: it takes the deadline, which is one of the monotonic clock, for one of the wall
clock, and the call fails with EINVAL.
"""

import select
import time
from typing import SupportsIndex


def sleep(seconds: float | SupportsIndex, /) -> None:
    """See `time.sleep`."""
    select.select((), (), (), float(seconds))


time.sleep = sleep
