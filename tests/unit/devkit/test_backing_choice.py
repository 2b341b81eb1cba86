"""In which order servers are looked for, with fakes in place of every way to get some."""

from pathlib import Path
from typing import Any

import pytest

from hermodr_cli import state
from hermodr_devkit.backing import choice, local
from hermodr_devkit.backing.model import Backing, BackingError, Unavailable


class FakeStarter:
    """`works`: whether it claims to have started something."""

    def __init__(self, kind: str, works: bool) -> None:
        self.kind = kind
        self.works = works
        self.stopped_with: list[bool] = []

    def start(self, record: dict[str, Any], say: object) -> tuple[Backing, dict[str, Any]]:
        if not self.works:
            raise Unavailable(f"{self.kind} is not here")
        return a_backing(self.kind), {"starts": record.get("starts", 0) + 1}

    def stop(self, record: dict[str, Any], keep: bool, say: object) -> None:
        self.stopped_with.append(keep)


def a_backing(kind: str) -> Backing:
    return Backing(kind, f"postgresql://{kind}/hermodr", f"amqp://{kind}/", None, restartable=False)


def no_local_servers() -> Backing:
    raise Unavailable("no PostgreSQL on port 5432")


@pytest.fixture
def starters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeStarter]:
    """Docker and embedded servers both work, local ones do not, and the environment names none."""
    fakes = {"docker": FakeStarter("docker", works=True), "embedded": FakeStarter("embedded", works=True)}
    monkeypatch.setattr(choice, "OWN", fakes)
    monkeypatch.setattr(local, "local", no_local_servers)
    monkeypatch.setenv("HERMODR_STATE_DIR", str(tmp_path))
    for name in ("HERMODR_BACKING", *local.VARIABLES):
        monkeypatch.delenv(name, raising=False)
    return fakes


def ignore(_text: str) -> None: ...


def test_the_environments_servers_come_first(
    starters: dict[str, FakeStarter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERMODR_DATABASE_URL", "postgresql://theirs/db")
    monkeypatch.setenv("HERMODR_AMQP_URL", "amqp://theirs/")
    found = choice.ensure(ignore)
    assert found.kind == "environment"
    assert found.variables() == {
        "HERMODR_DATABASE_URL": "postgresql://theirs/db",
        "HERMODR_AMQP_URL": "amqp://theirs/",
    }
    assert state.read("backing.json") == {}


def test_who_only_looks_starts_nothing_that_was_not_started(starters: dict[str, FakeStarter]) -> None:
    """`hermodr keys create` after `make down`."""
    with pytest.raises(BackingError, match="`make up`"):
        choice.ensure(ignore, begin=False)
    assert state.read("backing.json") == {}
    choice.ensure(ignore)
    assert choice.ensure(ignore, begin=False).kind == "docker"


@pytest.mark.parametrize("name", local.VARIABLES)
def test_naming_only_one_server_is_refused(
    starters: dict[str, FakeStarter], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "some://where/")
    with pytest.raises(BackingError, match=f"{name} is set and"):
        choice.ensure(ignore)


def test_local_servers_come_before_docker(
    starters: dict[str, FakeStarter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "local", lambda: a_backing("local"))
    assert choice.ensure(ignore).kind == "local"


def test_docker_comes_before_embedded(starters: dict[str, FakeStarter]) -> None:
    assert choice.ensure(ignore).kind == "docker"


def test_what_does_not_work_is_passed_over_with_its_reason(starters: dict[str, FakeStarter]) -> None:
    starters["docker"].works = False
    said: list[str] = []
    assert choice.ensure(said.append).kind == "embedded"
    assert "local: no PostgreSQL on port 5432" in said
    assert "docker: docker is not here" in said


def test_in_brief_servers_are_described_only_if_there_was_more_to_say(
    starters: dict[str, FakeStarter], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    choice.ensure(said.append, brief=True)  # there is something: why not the local ones
    assert said[-1].startswith("PostgreSQL and RabbitMQ: ")
    said.clear()
    choice.ensure(said.append, brief=True)  # they run already
    assert said == []
    choice.ensure(said.append)
    assert len(said) == 1


def test_with_nothing_left_every_reason_is_told(starters: dict[str, FakeStarter]) -> None:
    starters["docker"].works = starters["embedded"].works = False
    with pytest.raises(BackingError) as caught:
        choice.ensure(ignore)
    for kind in choice.KINDS:
        assert f"{kind}: " in str(caught.value)


def test_a_forced_kind_is_the_only_one_tried(
    starters: dict[str, FakeStarter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERMODR_BACKING", "embedded")
    assert choice.ensure(ignore).kind == "embedded"
    starters["embedded"].works = False
    with pytest.raises(BackingError, match="embedded is not here"):
        choice.ensure(ignore)


def test_an_unknown_kind_is_refused(
    starters: dict[str, FakeStarter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERMODR_BACKING", "cloud")
    with pytest.raises(BackingError, match="HERMODR_BACKING must be one of"):
        choice.ensure(ignore)


def test_servers_that_were_started_are_used_again_even_if_others_appear(
    starters: dict[str, FakeStarter], monkeypatch: pytest.MonkeyPatch
) -> None:
    starters["docker"].works = False
    choice.ensure(ignore)
    starters["docker"].works = True
    monkeypatch.setattr(local, "local", lambda: a_backing("local"))
    assert choice.ensure(ignore).kind == "embedded"
    assert state.read("backing.json") == {"embedded": {"starts": 2}}


def test_down_forgets_what_it_stopped_unless_the_data_is_kept(starters: dict[str, FakeStarter]) -> None:
    choice.ensure(ignore)
    choice.down(ignore, keep=True)
    assert "docker" in state.read("backing.json")
    choice.down(ignore)
    assert state.read("backing.json") == {}
    assert starters["docker"].stopped_with == [True, False]
    assert starters["embedded"].stopped_with == []
