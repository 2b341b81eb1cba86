"""Connections to the tests' own PostgreSQL, and built-in tasks that read them."""

from typing import Any
from urllib.parse import unquote, urlsplit

from hermodr_servicekit.guard.addresses import networks
from hermodr_servicekit.guard.guard import Guard
from tests.support.api import ApiUnderTest

HOUSE = Guard(networks("127.0.0.0/8"))
OWNER = "ada"


async def connected(api: ApiUnderTest, database_url: str, **more: Any) -> str:
    """The id of a connection to this database, `OWNER`'s."""
    place = urlsplit(database_url)
    wanted = {
        "name": "Our Shop",
        "host": place.hostname,
        "port": place.port,
        "database": place.path.strip("/"),
    }
    login = {"user": unquote(place.username or ""), "password": unquote(place.password or ""), "owner": OWNER}
    made = await api.http.post("/v1/connections", json=wanted | login | more)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])
