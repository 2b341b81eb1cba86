"""The way to the database can be encrypted, and the server made to prove itself, by options of its URL.

The embedded server speaks no TLS, so a relay that does stands before it.
"""

from pathlib import Path

import pytest
import trustme

from hermodr_ledger import migrate
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from tests.support.tls_relays import relayed


async def ask(url: str) -> None:
    ledger = Ledger(url, service="test", pool_size=1, connection_seconds=3)
    try:
        await ledger.fetch("SELECT 1")
    finally:
        await ledger.close()


async def test_the_server_has_to_prove_itself_where_the_url_says_so(
    database_url: str, tmp_path: Path
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    stranger.cert_pem.write_to_path(tmp_path / "stranger.pem")
    async with relayed(database_url, authority) as (url, spoken):
        await ask(f"{url}?sslmode=verify-full&sslrootcert={tmp_path}/ca.pem")
        await migrate.upgrade_async(f"{url}?sslmode=verify-full&sslrootcert={tmp_path}/ca.pem")
        assert len(spoken) == 2
        assert set(spoken) == {"TLSv1.3"}
        with pytest.raises(LedgerUnavailable):
            await ask(f"{url}?sslmode=verify-full&sslrootcert={tmp_path}/stranger.pem")


async def test_a_server_without_tls_is_refused_where_the_url_wants_it(database_url: str) -> None:
    await ask(f"{database_url}?sslmode=disable&application_name=x")
    with pytest.raises(LedgerUnavailable):
        await ask(f"{database_url}?sslmode=require")
