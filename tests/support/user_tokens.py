"""Tokens of end users, as an application signs them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt

from hermodr_ledger.access import signing_keys
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.token_signing import TokenSecrets


async def signed(
    database_url: str, secret_key: str, project_id: UUID, user_id: str, lasts: timedelta = timedelta(hours=1)
) -> str:
    """By a key of the project whose secret derives of the installation's `secret_key`."""
    ledger = Ledger(database_url, service="tests", pool_size=1)
    try:
        async with ledger.transaction() as transaction:
            key = (await signing_keys.secret_of(transaction, project_id, "tests")).id
    finally:
        await ledger.close()
    claims = {"sub": user_id, "project": str(project_id), "exp": datetime.now(UTC) + lasts}
    return jwt.encode(claims, TokenSecrets(secret_key).secret(key), "HS256", headers={"kid": str(key)})
