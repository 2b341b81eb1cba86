"""Structured logs: one event per line with ids and numbers; never an address, a body, a key or a link."""

import logging
import sys
import traceback
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from hermodr_contracts.visible import LINES, visible
from hermodr_servicekit import tracing
from hermodr_servicekit.seldom import Seldom, SeldomFilter
from hermodr_servicekit.settings import ServiceSettings

_QUIET = ("uvicorn.error", "uvicorn.access", "asyncio", "faststream")
_SILENT = ("aio_pika", "aiormq")  # an outage is told once, by `broker`, not by every part of the library
_MUTE = ("httpx", "httpcore", "hpack", "h2", "urllib3", "opentelemetry.exporter")
"""They tell whole URLs, hosts and headers: at no level."""

_SELDOM = SeldomFilter(Seldom())  # one filter, however often logs are configured


def configure(settings: ServiceSettings) -> None:
    """Sends our logs and the libraries' to standard output: for a terminal, else one JSON object per line.

    For a terminal a line has the time of day (UTC, as the API's) and no service: whoever looks at it knows.
    """
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stdout.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if console else "iso", utc=True),
        *([] if console else [_name_service(settings.service)]),
        *([_name_trace] if tracing.wanted() else []),
        structlog.processors.format_exc_info,
    ]
    if console:
        shared.append(_visible)
    renderer: Any = structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.getLogger("uvicorn.error").addFilter(_SELDOM)
    logging.getLogger("opentelemetry").addFilter(_SELDOM)
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.DEBUG if level == logging.DEBUG else logging.CRITICAL + 1)
    for name in _MUTE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _name_service(service: str) -> Any:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return add


def _name_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if (trace_id := tracing.trace_of(event)) is not None:
        event["trace_id"] = trace_id
    return event


def _visible(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """For a terminal; JSON escapes by itself. A trace has lines."""
    return {
        name: visible(value, LINES if name in ("exception", "stack") else "")
        if isinstance(value, str)
        else value
        for name, value in event.items()
    }


def whereabouts(error: BaseException) -> str:
    """An unexpected error's type and the line it came from. Its text may quote an address or a body, and stays out."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + place
