"""Reaches databases of others: at addresses that the guard let through and at no others, within a few seconds. Nothing
of what their servers say is passed on: an error's text is ours."""

import contextlib
import ssl
from typing import Any, Literal, NamedTuple

import asyncpg

from hermodr_servicekit.guard.addresses import Address
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.guard.targets import Refused, Target, read_host

SECONDS = 5.0
"""For a connection, the looking up of its host not counted."""
_MOST_TRIED = 3
"""Addresses of one name; each gets its share of the time."""
LEAVING_SECONDS = 3.0
"""For what runs at a server to be ended there."""
_LOOKS_AFTER_US = """
SELECT pg_catalog.set_config(name, '10s', false) FROM pg_catalog.pg_settings
WHERE name = 'client_connection_check_interval'
"""
APPLICATION = "hermodr"
"""What the other server is told of us."""

Field = Literal["host", "database", "user", "sslmode"]


class Login(NamedTuple):
    """`sslmode` as libpq has it: `disable`, `prefer`, `require` (TLS with whoever answers), `verify-full`."""

    host: str
    port: int
    database: str
    user: str
    password: str
    sslmode: str

    def __repr__(self) -> str:
        return f"Login({self.host!r}, {self.port})"


class Unreachable(Exception):
    """The text is for users. `field`: of the login, what to look at. `passing`: it may work at another time."""

    def __init__(self, field: Field, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.field = field
        self.passing = passing


class Unresolvable(Unreachable):
    """Nobody says where the host is."""


async def attempt(guard: Guard, login: Login) -> None:
    """Connects once. Raises `Unreachable`."""
    connection = await connect(guard, login)
    connection.terminate()


async def connect(guard: Guard, login: Login) -> "asyncpg.Connection[Any]":
    """A connection, for the caller to close. Raises `Unreachable`."""
    try:
        name, address = read_host(login.host)
        found = await guard.addresses(Target(False, name, address, login.port, "/"))
    except Refused as refused:
        if refused.code == "unresolvable":
            raise Unresolvable("host", str(refused), passing=True) from None
        raise Unreachable("host", str(refused)) from None
    tried = found[:_MOST_TRIED]
    for each in tried[:-1]:
        try:
            return await _connect(each, name, login, SECONDS / len(tried))
        except Unreachable as error:
            if not error.passing:
                raise
    return await _connect(tried[-1], name, login, SECONDS / len(tried))


async def outlive_nobody(connection: "asyncpg.Connection[Any]") -> None:
    """What runs there ends soon after this process is gone, where the server (PostgreSQL 14 and later) looks."""
    with contextlib.suppress(asyncpg.PostgresError):
        await connection.fetch(_LOOKS_AFTER_US)


async def leave(connection: "asyncpg.Connection[Any]") -> None:
    """Ends the connection and, first, a statement that was given up and still runs there: closing the socket alone
    would let it go on."""
    try:
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            await connection.close(timeout=LEAVING_SECONDS)
    finally:
        connection.terminate()


async def _connect(address: Address, name: str, login: Login, seconds: float) -> "asyncpg.Connection[Any]":
    try:
        try:
            return await _open(address, login, _tls(name, login.sslmode), seconds)
        except ConnectionError as error:
            if login.sslmode != "prefer" or "SSL" not in str(error):
                raise
        return await _open(address, login, False, seconds)
    except Exception as error:  # noqa: BLE001 - whoever answers may say anything
        raise _refusal(error) from None


async def _open(
    address: Address, login: Login, tls: ssl.SSLContext | Literal[False], seconds: float
) -> "asyncpg.Connection[Any]":
    return await asyncpg.connect(
        host=str(address),
        port=login.port,
        database=login.database,
        user=login.user,
        password=login.password,
        ssl=tls,
        timeout=seconds,
        command_timeout=seconds,
        statement_cache_size=0,
        server_settings={"application_name": APPLICATION},
        target_session_attrs="any",
    )


class _Tls(ssl.SSLContext):
    """We connect to an address; the certificate has to be of the name."""

    name: str

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,  # noqa: ARG002 - see above
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        return super().wrap_bio(incoming, outgoing, server_side, self.name, session)


def _tls(name: str, sslmode: str) -> ssl.SSLContext | Literal[False]:
    if sslmode == "disable":
        return False
    tls = _Tls(ssl.PROTOCOL_TLS_CLIENT)
    tls.name = name
    if sslmode == "verify-full":
        tls.load_default_certs()
    else:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    return tls


def _refusal(error: Exception) -> Unreachable:
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return Unreachable("user", "the server refuses this user with this password")
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return Unreachable("database", "the server has no such database")
    if isinstance(error, asyncpg.PostgresError):
        return Unreachable("host", "the server refuses the connection", passing=True)
    if isinstance(error, ssl.SSLError):
        return Unreachable("sslmode", "there is no TLS with the server that this sslmode accepts")
    if isinstance(error, ConnectionError) and "SSL" in str(error):
        return Unreachable("sslmode", "the server speaks no TLS")
    if isinstance(error, (OSError, TimeoutError)):
        return Unreachable("host", f"no server answers there within {SECONDS:g} s", passing=True)
    return Unreachable("host", "what answers there does not speak PostgreSQL")
