"""Each service gets the secrets that it needs, and no others."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from hermodr_devkit.supervisor import ALL, SANDBOX, Fleet, ServiceSpec
from hermodr_devkit.supervisor.identities import Identities
from hermodr_devkit.supervisor.variables import TOLD, narrowed
from hermodr_servicekit.settings import PREFIX
from tests.support.service_settings import settings_of

CONFIGURATION = Path(__file__).parents[3] / "docs" / "reference" / "configuration.md"
WITH_CREDENTIALS = {"database_url", "amqp_url", "email_providers", "sms_providers"}
"""Settings that hold secrets in URLs."""
OF_COMMANDS = {"HERMODR_API_KEY"}
GIVEN = {
    **{name: f"the {name}" for name in TOLD},
    "HERMODR_SMS_PROVIDERS": "vonage://a:b@default?from=X",
    "PATH": "/bin",
}


def secrets_of(spec: ServiceSpec) -> Iterator[str]:
    for name, field in settings_of(spec).model_fields.items():
        if name in WITH_CREDENTIALS or SecretStr.__name__ in repr(field.annotation):
            yield PREFIX + name.upper()


def documented() -> dict[str, set[str]]:
    """By variable, the services that read it as configuration.md has it."""
    found = {}
    for line in CONFIGURATION.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.replace("\\|", " ").strip("|").split("|")]
        if not cells[0].startswith(f"`{PREFIX}") or len(cells) < 4:
            continue
        read_by = re.sub(r"\(.*?\)", "", cells[-1]).partition(";")[0]
        services = {each.strip() for each in read_by.split(",")}
        if services == {"all but sandbox"}:
            services = {spec.name for spec in ALL} - {"sandbox"}
        for name in re.findall(r"`(\w+)`", cells[0]):
            found[name] = services
    return found


def test_every_secret_of_the_settings_has_a_line() -> None:
    assert {name for spec in ALL for name in secrets_of(spec)} | OF_COMMANDS == set(TOLD)


def test_nobody_is_told_what_its_settings_do_not_have() -> None:
    for name, told in TOLD.items():
        for spec in told:
            assert name in set(secrets_of(spec)), (name, spec.name)


@pytest.mark.parametrize("name", sorted(set(TOLD) - OF_COMMANDS))
def test_the_documents_say_who_is_told(name: str) -> None:
    assert documented()[name] == {spec.name for spec in TOLD[name]}


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
def test_a_service_gets_what_the_table_says(spec: ServiceSpec) -> None:
    got = narrowed(spec, GIVEN)
    assert set(got) & set(TOLD) == {name for name, told in TOLD.items() if spec in told}
    assert got["PATH"] == "/bin"


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
def test_keys_of_the_store_of_files_are_for_those_who_use_it(spec: ServiceSpec) -> None:
    got = narrowed(spec, {"AWS_SECRET_ACCESS_KEY": "s", "PATH": "/bin"})
    assert ("AWS_SECRET_ACCESS_KEY" in got) == (spec.name in documented()["HERMODR_FILES_URL"])


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
def test_the_collector_of_traces_is_for_all_but_the_sandbox(spec: ServiceSpec) -> None:
    got = narrowed(spec, {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer s", "PATH": "/bin"})
    assert ("OTEL_EXPORTER_OTLP_HEADERS" in got) == (spec.name != "sandbox")


def test_channels_that_follow_from_secrets_are_named() -> None:
    assert all(narrowed(spec, GIVEN)["HERMODR_CHANNELS"] == "email sms in_app webhook" for spec in ALL)
    production = {name: value for name, value in GIVEN.items() if name != "HERMODR_SMS_PROVIDERS"}
    production["HERMODR_ENV"] = "production"
    assert all(narrowed(spec, production)["HERMODR_CHANNELS"] == "email in_app" for spec in ALL)
    named = {**GIVEN, "HERMODR_CHANNELS": "email"}
    assert all(narrowed(spec, named)["HERMODR_CHANNELS"] == "email" for spec in ALL)


@pytest.mark.parametrize("env", ["development", "production"])
@pytest.mark.parametrize("providers", [None, "vonage://a:b@default?from=X"])
def test_named_channels_are_those_of_the_settings(
    env: str, providers: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {
        "HERMODR_ENV": env,
        "HERMODR_DATABASE_URL": "postgresql://a@b/c",
        "HERMODR_AMQP_URL": "amqp://a@b/",
        "HERMODR_SECRET_KEY": "k" * 32,
        **({"HERMODR_SMS_PROVIDERS": providers} if providers else {}),
    }
    for name in ("HERMODR_CHANNELS", "HERMODR_SMS_PROVIDERS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    whole = settings_of(SANDBOX)()
    monkeypatch.setenv("HERMODR_CHANNELS", narrowed(SANDBOX, variables)["HERMODR_CHANNELS"])
    assert list(settings_of(SANDBOX)().topology.channels) == list(whole.topology.channels)


def test_a_second_instance_gets_what_the_first_does(tmp_path: Path) -> None:
    second = ServiceSpec("dispatcher-2", "hermodr_dispatcher", 11)
    fleet = Fleet({"HERMODR_SUMMARY_KEY": "s", "HERMODR_LINK_SECRET": "l"}, tmp_path, specs=(second,))
    assert "HERMODR_SUMMARY_KEY" in fleet["dispatcher-2"].variables
    assert "HERMODR_LINK_SECRET" not in fleet["dispatcher-2"].variables


def test_with_roles_of_their_own_no_service_gets_the_owners_login_for_psql() -> None:
    given = {"PGPASSWORD": "owner", "PGUSER": "postgres", "PATH": "/bin"}
    own = Identities(database={"api": "postgresql://hermodr_api:x@h/d"})
    assert own.variables(ALL[0], given) == {
        "PATH": "/bin",
        "HERMODR_DATABASE_URL": "postgresql://hermodr_api:x@h/d",
    }
    assert Identities().variables(ALL[0], given) == given
