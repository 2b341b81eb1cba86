"""What is in the environment of the services that a fleet starts."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from hermodr_devkit.backing import EmbeddedPostgres, EmbeddedRabbit, embedded
from hermodr_devkit.backing.model import Backing
from hermodr_devkit.backing.places import Place
from hermodr_devkit.supervisor import ALL, Fleet
from hermodr_devkit.supervisor.identities import identities
from tests.support.brokers import Broker


def test_each_server_has_a_password_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERMODR_STATE_DIR", str(tmp_path / "state"))
    record = embedded._new_record()
    assert record["password"] != record["broker_password"]
    backing = embedded.recorded(record)
    assert password(backing.database_url) == record["password"]
    assert password(backing.amqp_url) == record["broker_password"]


def test_a_broker_that_shared_the_databases_password_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for server in (EmbeddedPostgres, EmbeddedRabbit):
        monkeypatch.setattr(server, "start", lambda _self: None)
        monkeypatch.setattr(server, "process", lambda _self: None, raising=False)
    monkeypatch.setenv("HERMODR_STATE_DIR", str(tmp_path / "state"))
    record = embedded._new_record() | {"home": str(tmp_path)}
    del record["broker_password"]
    (tmp_path / "rabbit" / "data").mkdir(parents=True)
    backing, kept = embedded.start(record, lambda _text: None)
    assert kept["password"] == record["password"] == password(backing.database_url)
    assert password(backing.amqp_url) == kept["broker_password"] != kept["password"]
    assert not (tmp_path / "rabbit").exists()
    again, same = embedded.start(kept, lambda _text: None)
    assert (again.amqp_url, same["broker_password"]) == (backing.amqp_url, kept["broker_password"])


async def test_no_service_gets_the_owners_or_the_administrators_password(
    tmp_path: Path, database_url: str, broker: Broker, backing: Backing
) -> None:
    owners = password(database_url)
    assert backing.management_url
    place = Place(broker.amqp_url, broker.prefix, backing.management_url)
    own = await identities(database_url, place=place)
    environment = {
        "HERMODR_DATABASE_URL": database_url,
        "HERMODR_AMQP_URL": broker.amqp_url,
        "PGPASSWORD": owners,
    }
    fleet = Fleet(environment, tmp_path, specs=ALL, identities=own)
    known = {owners, password(backing.database_url), password(broker.amqp_url), password(backing.amqp_url)}
    for name, service in fleet.services.items():
        assert ("HERMODR_DATABASE_URL" in service.variables) == (name != "sandbox")
        for variable, value in service.variables.items():
            assert not [secret for secret in known if secret in value], (name, variable)


def password(url: str) -> str:
    found = unquote(urlsplit(url).password or "")
    assert found
    return found
