"""Which servers to use (DESIGN §7): the environment's, local ones, Docker's, embedded ones, in this order."""

import os
import time
from contextlib import suppress
from typing import Any, Protocol

from hermodr_cli import state
from hermodr_cli.output import Say
from hermodr_devkit.backing import docker, embedded, local
from hermodr_devkit.backing.model import CONSOLE_USER, Backing, BackingError, Unavailable

RECORD = "backing.json"
CHOICE = "HERMODR_BACKING"
KINDS = ("environment", "local", "docker", "embedded")


class Starter(Protocol):
    """A module that starts servers: docker, embedded."""

    def start(self, record: dict[str, Any], say: Say) -> tuple[Backing, dict[str, Any]]: ...
    def stop(self, record: dict[str, Any], keep: bool, say: Say) -> None: ...
    def recorded(self, record: dict[str, Any]) -> Backing: ...


OWN: dict[str, Starter] = {"docker": docker, "embedded": embedded}


def ensure(say: Say, *, brief: bool = False, begin: bool = True) -> Backing:
    """Finds usable servers or starts some, and waits for them. `say` gets a line for each thing worth knowing; with
    `brief` the servers are described only if something was started or skipped.

    Servers that an earlier command of this clone started are used again, restarted if they died. `HERMODR_BACKING`
    forces one kind. Without `begin` none are started that no earlier command started. Raises BackingError when nothing
    works. Blocking; not to be called inside an event loop.
    """
    forced = os.environ.get(CHOICE, "")
    if forced and forced not in KINDS:
        raise BackingError(f"{CHOICE} must be one of {', '.join(KINDS)}, not {forced!r}")
    with state.locked("backing"):
        started = time.monotonic()
        told: list[str] = []

        def tell(text: str) -> None:
            told.append(text)
            say(text)

        records = state.read(RECORD)
        kinds = [forced] if forced else _order(records)
        if not begin:
            kinds = [kind for kind in kinds if kind not in OWN or kind in records]
        backing = _first_that_works(kinds, tell) if begin or OWN.keys() & kinds else _running(kinds)
        if told or not brief:
            say(f"PostgreSQL and RabbitMQ: {_describe(backing)} ({time.monotonic() - started:.1f} s)")
        return backing


def known() -> Backing | None:
    """The servers an earlier command of this clone started, running or not."""
    records = state.read(RECORD)
    return next((OWN[kind].recorded(records[kind]) for kind in OWN if kind in records), None)


def down(say: Say, keep: bool = False) -> None:
    """Stops the servers this clone started and, unless `keep`, deletes their data. Others are left alone."""
    with state.locked("backing"):
        records = state.read(RECORD)
        for kind, record in list(records.items()):
            try:
                OWN[kind].stop(record, keep, say)
            except Unavailable as error:
                raise BackingError(f"{kind}: {error}") from error
            if not keep:
                del records[kind]
                state.write(RECORD, records)


def _order(records: dict[str, Any]) -> list[str]:
    """All kinds; one that an earlier command started comes first, after the environment's."""
    started = [kind for kind in KINDS if kind in records]
    return ["environment", *started, *(kind for kind in KINDS[1:] if kind not in started)]


def _running(kinds: list[str]) -> Backing:
    """One that needs no start. Raises BackingError."""
    for kind in kinds:
        with suppress(Unavailable):
            return _start(kind, say=lambda _text: None)
    raise BackingError("nothing runs here: `make up` starts PostgreSQL, RabbitMQ and the services")


def _first_that_works(kinds: list[str], say: Say) -> Backing:
    refusals = []
    for kind in kinds:
        try:
            return _start(kind, say)
        except Unavailable as error:
            refusals.append(f"{kind}: {error}")
            if kind != "environment" or len(kinds) == 1:
                say(refusals[-1])
    raise BackingError("no usable PostgreSQL and RabbitMQ:\n  " + "\n  ".join(refusals))


def _start(kind: str, say: Say) -> Backing:
    if kind == "environment":
        return local.environment()
    if kind == "local":
        return local.local()
    records = state.read(RECORD)
    backing, record = OWN[kind].start(records.get(kind, {}), say)
    state.write(RECORD, state.read(RECORD) | {kind: record})
    return backing


def _describe(backing: Backing) -> str:
    text = {
        "environment": "those the environment names",
        "local": "those on the default ports",
        "docker": "containers",
        "embedded": "private servers of this clone",
    }[backing.kind]
    if not backing.management_url:
        return text
    login = f", user {CONSOLE_USER}, broker_password in {state.folder() / RECORD}" if backing.own else ""
    return f"{text}, console {backing.management_url}{login}"
