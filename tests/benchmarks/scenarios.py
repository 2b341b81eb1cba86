"""The scenarios besides bulk, by the name that ONLY= knows them by."""

from collections.abc import Awaitable, Callable

from tests.benchmarks.results import Result
from tests.benchmarks.site import Site

SCENARIOS: dict[str, Callable[[Site, bool], Awaitable[list[Result]]]] = {}
