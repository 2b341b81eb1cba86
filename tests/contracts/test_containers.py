"""docker-compose.yml and the Dockerfile fit the services: their settings, secrets, ports and names."""

import re
from typing import Any

import pytest
import yaml

from hermodr_cli.commands.provision import SHARED
from hermodr_devkit.supervisor import ALL, ServiceSpec
from hermodr_devkit.supervisor.identities import service_of
from hermodr_devkit.supervisor.variables import TOLD
from packages import ROOT
from tests.support.service_settings import settings_of

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "deploy/docker/Dockerfile").read_text(encoding="utf-8")
OURS = [*(spec.name for spec in ALL), "migrate"]
IN_FILES = {"HERMODR_DATABASE_URL", "HERMODR_AMQP_URL", *(name.upper() for name in SHARED)}
"""What `hermodr provision` writes."""


def variables(name: str) -> dict[str, str]:
    return dict(SERVICES[name].get("environment", {}))


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
def test_a_service_is_told_what_it_reads_and_no_secret_of_others(spec: ServiceSpec) -> None:
    told = variables(spec.name)
    fields = {f"HERMODR_{name.upper()}" for name in settings_of(spec).model_fields}
    assert {name for name in told if name.startswith("HERMODR_")} <= fields
    for name, services in TOLD.items():
        if name in told:
            assert spec in services
    assert not IN_FILES & set(told)
    assert SERVICES[spec.name]["volumes"][0] == f"secrets-{spec.name}:/run/secrets:ro"


def test_what_provides_mails_and_texts_is_told_to_all_who_read_it() -> None:
    for name in ("HERMODR_EMAIL_PROVIDERS", "HERMODR_SMS_PROVIDERS"):
        assert {spec.name for spec in TOLD[name]} == {
            spec.name for spec in ALL if name in variables(spec.name)
        }


def test_files_are_where_all_who_share_them_reach_them() -> None:
    place = "/var/lib/hermodr/files"
    for name in SERVICES:
        shared = "HERMODR_FILES_URL" in variables(name)
        assert shared == (name in ("api", "scheduler", "worker"))
        assert shared == (f"files:{place}" in SERVICES[name].get("volumes", []))
    assert variables("worker")["HERMODR_FILES_URL"] == f"${{HERMODR_FILES_URL:-file://{place}}}"
    assert variables("worker")["TMPDIR"] in SERVICES["worker"]["volumes"]  # not in memory


def test_migrate_has_a_volume_for_each() -> None:
    assert SERVICES["migrate"]["volumes"] == [f"secrets-{spec.name}:/secrets/{spec.name}" for spec in BY_NAME]
    assert {f"secrets-{spec.name}" for spec in ALL} <= set(COMPOSE["volumes"])


BY_NAME = sorted(ALL, key=lambda spec: list(SERVICES).index(spec.name))


@pytest.mark.parametrize("name", OURS)
def test_containers_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    assert "user" not in service  # the image's, which is not root


@pytest.mark.parametrize("name", [spec.name for spec in ALL])
def test_services_start_after_the_migration(name: str) -> None:
    wanted = {"migrate": "service_completed_successfully"}
    if name != "sandbox":
        wanted |= {"postgres": "service_healthy", "rabbitmq": "service_healthy"}
    found = {other: how["condition"] for other, how in SERVICES[name]["depends_on"].items()}
    assert found == wanted


def test_only_those_who_need_them_reach_the_servers() -> None:
    on_it = {name for name, service in SERVICES.items() if "servers" in service["networks"]}
    assert on_it == {"postgres", "rabbitmq", *OURS} - {"sandbox"}


def test_nothing_listens_beyond_this_machine() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:${") for port in ports)


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
def test_each_service_has_a_target_that_runs_it_on_its_port(spec: ServiceSpec) -> None:
    target = DOCKERFILE.partition(f" AS {spec.name}\n")[2].partition("\nFROM ")[0]
    assert f'ENTRYPOINT ["python", "-m", "{spec.module}"]' in target
    assert f"HERMODR_HTTP_PORT={8000 + spec.port_offset}" in target
    assert SERVICES[spec.name]["build"]["target"] == spec.name == service_of(spec)


def test_what_can_be_set_is_in_the_example() -> None:
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    example = set(re.findall(r"^#(\w+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert example - {"COMPOSE_PROFILES"} == used - {"HERMODR_API_KEY", "HERMODR_OPERATOR_PROJECT"}


def test_the_examples_values_are_those_that_hold() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    holds = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text))
    for name, value in re.findall(
        r"^#(\w+)=(.*)$", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE
    ):
        if name in holds and value and name not in IN_PRODUCTION:
            assert value == holds[name], name


IN_PRODUCTION = {
    "HERMODR_ENV",
    "HERMODR_EMAIL_PROVIDERS",
    "HERMODR_EMAIL_FROM",
    "HERMODR_PUBLIC_URL",
    "HERMODR_MESSAGE_ID_DOMAIN",
    "HERMODR_OIDC_ISSUER",
    "HERMODR_OIDC_CLIENT_ID",
    "HERMODR_OIDC_ROLES",
}
"""Shown as production has them."""


def test_the_sandbox_lacks_nothing() -> None:
    """Its image has the lock of installations, and by name what that does not hold."""
    declared = (ROOT / "services/sandbox/pyproject.toml").read_text(encoding="utf-8")
    wanted = set(re.findall(r'^    "([a-z][a-z-]*)>=', declared, re.MULTILINE))
    lock = set(
        re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert wanted - lock == set(
        re.findall(r"/\^([a-z0-9-]+)==/ \} wanted' requirements-dev.lock > sandbox", DOCKERFILE)
    )
