"""Lets the services' roles log in."""

import base64
import hashlib
import hmac
import secrets

import asyncpg

_ROUNDS = 4096
_TRIES = 5


async def admit(connection: asyncpg.Connection, role: str, password: str) -> None:
    """The server is told a verifier, so that no log of it can hold the password. Raises `asyncpg.PostgresError`:
    `UndefinedObjectError` without the role, `InsufficientPrivilegeError` if we may not."""
    for turn in range(_TRIES):
        try:
            await connection.execute(f"ALTER ROLE \"{role}\" LOGIN PASSWORD '{verifier(password)}'")
        except (
            asyncpg.InternalServerError
        ):  # "tuple concurrently updated": another database's services start, too
            if turn == _TRIES - 1:
                raise
        else:
            return


def verifier(password: str) -> str:
    """What PostgreSQL stores of a password (RFC 5803)."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
    stored = hashlib.sha256(_mac(salted, b"Client Key")).digest()
    parts = [base64.b64encode(each).decode() for each in (salt, stored, _mac(salted, b"Server Key"))]
    return f"SCRAM-SHA-256${_ROUNDS}:{parts[0]}${parts[1]}:{parts[2]}"


def _mac(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()
