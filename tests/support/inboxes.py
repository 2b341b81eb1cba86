"""The dispatcher's writer of in-app notifications, for tests that put a dispatcher together themselves."""

import time

from prometheus_client import Counter

from hermodr_dispatcher.inbox import Inbox
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.clock import SystemClock
from hermodr_templates.bounded import CELL_SECONDS, BoundedRenderer
from hermodr_templates.cell import Cell


def inbox_of(ledger: Ledger, announcer: Announcer, finished: Counter) -> Inbox:
    """Its cell is a process that begins when something takes long to render."""
    renderer = BoundedRenderer(Cell(CELL_SECONDS), time.monotonic)
    return Inbox(ledger, announcer, renderer, SystemClock(), finished=finished)
