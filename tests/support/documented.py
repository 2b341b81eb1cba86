"""What pages of the documentation are tried on: a Hermodr as `make up` starts it, and its folder as readers see it."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hermodr_devkit.supervisor import ALL
from tests.support.brokers import Broker
from tests.support.installation import Installation, installed
from tests.support.walkthrough import Reader

KEPT = (
    "DATABASE_URL",
    "AMQP_URL",
    "AMQP_PREFIX",
    "PORT_BASE",
    "SANDBOX_SMTP_PORT",
    "SECRET_KEY",
    "LINK_SECRET",
)
"""What commands in a page are told of the place; `make up` would have written it down."""
KEY = """
export HERMODR_API_URL=http://127.0.0.1:8000
export HERMODR_API_KEY=$(.venv/bin/hermodr keys create --project quickstart --scopes send,read,manage,admin 2>/dev/null)
"""
"""What guides take for granted that do not begin with a key."""


@asynccontextmanager
async def documented(logs: Path, database_url: str, broker: Broker) -> AsyncIterator[Installation]:
    """All services, with the secrets and folders that `make up` makes."""
    async with installed(
        logs,
        database_url=database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
        specs=ALL,
        HERMODR_SECRET_KEY=secrets.token_urlsafe(32),
        HERMODR_LINK_SECRET=secrets.token_urlsafe(32),
        HERMODR_FILES_URL=(logs / "files").as_uri(),
    ) as installation:
        yield installation


def reader(installation: Installation, page: Path, folder: Path, before: str = "") -> Reader:
    """Somebody who does what `page` says in `folder`, in a project of the page's own, and has done what is `before`."""
    environment = installation.fleet.environment
    database = urlsplit(installation.database_url)
    state = folder / ".hermodr"
    state.mkdir(parents=True)
    embedded = {"postgres_port": database.port, "password": unquote(database.password or "")}
    (state / "backing.json").write_text(json.dumps({"embedded": embedded}), encoding="utf-8")
    ports = {
        "8000": urlsplit(installation.fleet.api_url).port,
        "8025": urlsplit(installation.fleet.sandbox_url).port,
    }
    words = {f":{port}": f":{there}" for port, there in ports.items()}
    words |= {
        "PGDATABASE=hermodr": f"PGDATABASE={database.path[1:]}",
        "PGUSER=postgres": f"PGUSER={database.username}",
    }
    words |= {"quickstart": f"quickstart-{page.stem.lower()}"}
    told = {f"HERMODR_{name}": environment[f"HERMODR_{name}"] for name in KEPT}
    return Reader(folder, {**told, "HERMODR_STATE_DIR": str(state)}, words, before)
