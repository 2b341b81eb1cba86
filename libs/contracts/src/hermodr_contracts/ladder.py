"""The retry ladder: the delay before each next attempt. A setting such as `10s,60s,5m`."""

import re
from dataclasses import dataclass
from datetime import timedelta

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_STEP = re.compile(r"([0-9]{1,9})(ms|s|m|h)")
_LONGEST_STEP_SECONDS = 40 * 24 * 3600.0
"""RabbitMQ takes no TTL of 2**32 ms (about 49 days) or more."""


@dataclass(frozen=True)
class Step:
    """`label` is its spelling in settings and queue names, such as `10s`."""

    label: str
    delay: timedelta


def parse_ladder(text: str) -> tuple[Step, ...]:
    """`"10s,60s,5m"` → its steps; empty text: no retries. Raises `ValueError` naming the bad step."""
    steps = []
    for label in filter(None, (part.strip() for part in text.split(","))):
        match = _STEP.fullmatch(label)
        seconds = int(match[1]) * _UNITS[match[2]] if match else 0.0
        if not 0 < seconds <= _LONGEST_STEP_SECONDS:
            raise ValueError(
                f"{label[:40]!r} is not a delay such as 500ms, 10s, 5m or 1h, of 40 days at most"
            )
        steps.append(Step(label, timedelta(seconds=seconds)))
    if len({step.label for step in steps}) != len(steps):
        raise ValueError("a step stands twice; each delay has one queue")
    return tuple(steps)
