"""The units of deploy/systemd: what they start exists, and they may do little."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hermodr_devkit.supervisor import ALL, SANDBOX
from hermodr_devkit.supervisor.variables import TOLD
from hermodr_servicekit.settings import SECRETS_DIR, ServiceSettings
from packages import ROOT
from tests.support.service_settings import settings_of

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


EXAMPLES = {path.stem: path.read_text(encoding="utf-8") for path in (FOLDER / "examples").glob("*.env")}
RUN = {spec.module.removeprefix("hermodr_"): spec for spec in ALL if spec is not SANDBOX}


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


def test_there_is_an_example_of_each_file_that_units_read() -> None:
    assert set(EXAMPLES) == {"hermodr", "migrate", *RUN}


@pytest.mark.parametrize("name", sorted(RUN))
def test_an_example_tells_a_service_what_it_reads_and_no_secret_of_others(name: str) -> None:
    told = set(re.findall(r"^#?(HERMODR_\w+)=", EXAMPLES[name], re.MULTILINE))
    assert told <= {f"HERMODR_{field.upper()}" for field in settings_of(RUN[name]).model_fields}
    assert all(RUN[name] in TOLD[variable] for variable in told & set(TOLD))
    assert not set(TOLD) & set(directives(EXAMPLES["hermodr"]))


@pytest.mark.parametrize("name", sorted(RUN))
def test_a_service_starts_with_the_examples_filled_in(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = re.sub(r"^#(?=HERMODR_)", "", EXAMPLES["hermodr"] + EXAMPLES[name], flags=re.MULTILINE)
    for variable, value in directives(whole).items():
        monkeypatch.setenv(variable, value)
    settings = settings_of(RUN[name])()
    assert settings.env == "production"


ANALYZE = shutil.which("systemd-analyze") or ""
if ANALYZE:  # Debian's, where it is installed

    def test_systemd_understands_every_line_and_finds_little_exposed(tmp_path: Path) -> None:
        for unit in FOLDER.glob("hermodr*"):
            text = re.sub(
                "^ExecStart=/opt/hermodr/bin/[a-z]+",
                "ExecStart=/bin/true",
                unit.read_text(),
                flags=re.MULTILINE,
            )
            (tmp_path / unit.name).write_text(text)
        units = sorted(f"./{unit.name}" for unit in tmp_path.iterdir())
        services = [unit for unit in units if unit.endswith(".service")]
        assert len(services) == 2
        for command in (
            ("verify", "--man=no", "--recursive-errors=no", *units),
            ("security", "--offline=true", "--threshold=30", "--no-pager", *services),
        ):
            done = subprocess.run(
                [ANALYZE, *command],
                cwd=tmp_path,
                env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
                capture_output=True,
                text=True,
            )
            assert (done.returncode, done.stderr) == (0, "")
