"""The units of deploy/systemd: what they start exists, and they may do little."""

import importlib.util
import re

import pytest

from hermodr_devkit.supervisor import ALL, SANDBOX
from hermodr_servicekit.settings import SECRETS_DIR, ServiceSettings
from packages import ROOT

FOLDER = ROOT / "deploy" / "systemd"
TEMPLATE = (FOLDER / "hermodr@.service").read_text(encoding="utf-8")
MIGRATE = (FOLDER / "hermodr-migrate.service").read_text(encoding="utf-8")
HARDENED = {
    "DynamicUser": "yes",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "SystemCallFilter": "@system-service",
    "UMask": "0077",
}


def directives(text: str) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


@pytest.mark.parametrize("text", [TEMPLATE, MIGRATE], ids=["service", "migrate"])
def test_units_may_do_little(text: str) -> None:
    assert HARDENED.items() <= directives(text).items()


def test_the_template_starts_each_service_by_its_module() -> None:
    assert directives(TEMPLATE)["ExecStart"] == "/opt/hermodr/bin/python -m hermodr_%i"
    named = set(re.findall(r"hermodr@(\w+)", TEMPLATE.partition("[Unit]")[0]))
    assert named == {spec.module.removeprefix("hermodr_") for spec in ALL if spec is not SANDBOX}
    assert all(importlib.util.find_spec(f"hermodr_{name}.__main__") for name in named)


def test_it_waits_for_what_is_in_hand_and_does_not_repeat_a_wrong_configuration() -> None:
    found = directives(TEMPLATE)
    assert int(found["TimeoutStopSec"]) > ServiceSettings.model_fields["grace_seconds"].default
    assert found["RestartPreventExitStatus"] == "2"
    assert f"Environment={SECRETS_DIR}=%d" in TEMPLATE


def test_what_renders_may_take_itself_into_namespaces() -> None:
    assert "RestrictNamespaces" not in directives(TEMPLATE)
