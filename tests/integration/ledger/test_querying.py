"""Queries of users in databases of connections: what is answered, and what is refused, by the real PostgreSQL."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg
import pytest

from hermodr_ledger.connections import querying
from hermodr_ledger.connections.querying import BadQuery, Column, Row
from hermodr_ledger.connections.reaching import Login
from tests.support.connected import HOUSE

SOURCE = """
CREATE TABLE IF NOT EXISTS zq_kept AS SELECT 1 AS id;
CREATE SEQUENCE IF NOT EXISTS zq_counter;
CREATE OR REPLACE FUNCTION zq_writing() RETURNS int LANGUAGE sql AS 'INSERT INTO zq_kept VALUES (2) RETURNING id';
"""


@pytest.fixture
async def source(database_url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(database_url)
    await connection.execute(SOURCE)
    yield connection
    await connection.close()


@pytest.fixture
def login(database_url: str) -> Login:
    at = urlsplit(database_url)
    assert at.hostname is not None
    assert at.port is not None
    user, password = unquote(at.username or ""), unquote(at.password or "")
    return Login(at.hostname, at.port, at.path.strip("/"), user, password, "prefer")


async def read(login: Login, query: str, *, json: bool = False) -> tuple[list[Column], list[Row]]:
    async with querying.answered(HOUSE, login, query, json=json) as answer:
        return list(answer.columns), [row async for rows in answer.pieces() for row in rows]


async def test_values_come_as_the_server_writes_them(login: Login) -> None:
    query = (
        "SELECT 1.50 AS a, true AS a, NULL::text AS b, interval '1 month' AS c, '\\x00ff'::bytea AS d -- so"
    )
    columns, rows = await read(login, query)
    assert columns == [
        Column("a", "number"),
        Column("a_2", "boolean"),
        Column("b", "other"),
        Column("c", "other"),
        Column("d", "other"),
    ]
    assert rows == [("1.50", "true", None, "P1M", "\\x00ff")]
    assert (await read(login, query, json=True))[1] == [("1.50", "true", None, '"P1M"', '"\\\\x00ff"')]


async def test_rows_keep_their_order_over_all_pieces(login: Login) -> None:
    _, rows = await read(
        login, "SELECT n, repeat('x', n % 3000) FROM generate_series(1, 9000) n ORDER BY n DESC"
    )
    assert [int(row[0] or 0) for row in rows] == list(range(9000, 0, -1))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("INSERT INTO zq_kept VALUES (2)", "syntax error"),
        ("WITH gone AS (DELETE FROM zq_kept RETURNING *) SELECT * FROM gone", "would change something"),
        ("SELECT zq_writing()", "would change something"),
        ("SELECT nextval('zq_counter')", "would change something"),
        ("SELECT 1; DELETE FROM zq_kept", "syntax error"),
        ("SELECT 1) AS q; DELETE FROM zq_kept; SELECT * FROM (SELECT 1", "syntax error"),
        ("SELECT 1) AS q; COMMIT; DELETE FROM zq_kept; --", "syntax error"),
        ("COPY zq_kept TO PROGRAM 'true'", "syntax error"),
        ("SELECT * FROM zq_kept FOR UPDATE", "would change something"),
        ("SELECT set_config('transaction_read_only', 'off', true), zq_writing()", "would change what it is"),
        ("SELECT $1::int", "has parameters"),
        ("SELECT", "has no columns"),
        ("SELECT secret_column FROM zq_kept", "a column that does not exist, at character 8"),
        ("SELECT 1 / (id - 1) FROM zq_kept", "SQLSTATE 22012"),
        ("SELECT repeat('x', 1048577) AS long", "the column long has more than 1048576 characters"),
    ],
)
async def test_what_would_write_or_makes_no_sense_is_refused(
    login: Login, source: "asyncpg.Connection[Any]", query: str, said: str
) -> None:
    with pytest.raises(BadQuery, match=said) as refused:
        await read(login, query)
    assert "zq_" not in str(refused.value)
    assert await source.fetchval("SELECT count(*) FROM zq_kept") == 1
    assert await source.fetchval("SELECT last_value FROM zq_counter") == 1
