"""schemathesis against an api process."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from hermodr_devkit.supervisor import Fleet
from hermodr_devkit.supervisor.fleet import private_ports
from hermodr_devkit.supervisor.identities import identities
from hermodr_devkit.supervisor.services import API
from tests.support.api import MAIL, api_over
from tests.support.brokers import Broker

pytestmark = pytest.mark.long

SEED = "20261123"
EXAMPLES = "4"
"""Drawn examples of each operation in each phase."""
PATIENCE = 300
CONFIGURATION = """
# A body may break rules that no schema can say: a 422 for what the schema allows is not a fault.
checks.positive_data_acceptance.enabled = false
# Too many items, and too many bytes, are answered 413; too long a query 431.
checks.negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, 431]

[parameters]
"path.job_id" = "{job}"
"path.batch_id" = "{batch}"

[[operations]]
# Every item of a bulk request is judged by itself, and refused in the answer.
include-path = "/v1/notifications/bulk"
checks.negative_data_rejection.enabled = false

[[operations]]
include-path = "/v1/recipients"
include-method = "PUT"
checks.negative_data_rejection.enabled = false

[[operations]]
# For any other method these are the job and the letter of that name, which no id is: 422.
include-path-regex = "^/v1/(jobs/(cancel|retry|metrics)|dead-letters/replay|suppressions/export|[a-z]+/import)$"
checks.unsupported_method.enabled = false
checks.allow_header_conformance.enabled = false

[[operations]]
# Likewise notifications, and keys.
include-path-regex = "^/v1/(inbox/(preferences|read-all|stream|unread-count)|api-keys/revoke)$"
checks.unsupported_method.enabled = false
checks.allow_header_conformance.enabled = false

[[operations]]
# A deleted key is revoked; it stays to be looked at.
include-path-regex = "^/v1/api-keys"
checks.use_after_free.enabled = false
"""


def run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=folder)


async def test_the_api_is_as_it_describes_itself(database_url: str, broker: Broker, tmp_path: Path) -> None:
    async with api_over(database_url) as api:
        job = (await api.http.post("/v1/notifications", json=MAIL)).json()["job_id"]
        batch = (await api.http.post("/v1/notifications/bulk", json=[MAIL])).json()["batch_id"]
        key = str(api.http.headers["authorization"])
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION.format(job=job, batch=batch))
    environment = {
        "HERMODR_DATABASE_URL": database_url,
        "HERMODR_AMQP_URL": broker.amqp_url,
        "HERMODR_AMQP_PREFIX": broker.prefix,
    }
    ports, own = private_ports(environment, (API,)), await identities(database_url)
    async with Fleet(ports, tmp_path / "logs", specs=(API,), identities=own) as fleet:
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration)),
            *("run", f"{fleet.api_url}/openapi.json", "--header", f"Authorization: {key}"),
            *("--max-examples", EXAMPLES, "--seed", SEED, "--continue-on-failure", "--workers", "1"),
        ]
        done = await asyncio.to_thread(run, command, tmp_path)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
