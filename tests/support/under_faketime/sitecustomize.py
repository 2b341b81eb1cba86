"""Loaded by every Python under libfaketime. Debian's 0.9.10 breaks `time.sleep`: it takes the monotonic deadline
for one of the wall clock, and the call fails with EINVAL."""

import select
import time
from typing import SupportsIndex


def sleep(seconds: float | SupportsIndex, /) -> None:
    select.select((), (), (), float(seconds))


time.sleep = sleep
