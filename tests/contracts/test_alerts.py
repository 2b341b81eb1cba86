"""Rules and configurations of Prometheus are what it understands; each alert fires and is silent in a test of its own,
and the runbook says what to do about it."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hermodr_devkit.backing.distribution import PROMETHEUS, ensure, find_prometheus
from hermodr_devkit.supervisor.services import ALL, SANDBOX

TOP = Path(__file__).parents[2]
FOLDER = TOP / "deploy/prometheus"
RULES, TESTS = FOLDER / "hermodr.rules.yml", FOLDER / "hermodr.rules.test.yml"
RUNBOOK = TOP / "docs/runbook.md"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def alerts() -> dict[str, Any]:
    rules = [rule for group in read(RULES)["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


@pytest.fixture(scope="module")
def promtool() -> Path:
    ensure(PROMETHEUS, print)
    return find_prometheus().with_name("promtool")


def checked(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_do_what_their_tests_say(promtool: Path) -> None:
    checked(promtool, "check", "rules", RULES)
    checked(promtool, "test", "rules", TESTS)


@pytest.mark.parametrize("name", ["prometheus.yml", "static.yml", "kubernetes.yml"])
def test_a_configuration_is_understood(promtool: Path, tmp_path: Path, name: str) -> None:
    configuration = read(FOLDER / name)
    for job in configuration["scrape_configs"]:
        if job.pop("kubernetes_sd_configs", None):  # Debian builds Prometheus without it
            job["static_configs"] = [{"targets": ["127.0.0.1:8000"]}]
    (tmp_path / name).write_text(yaml.safe_dump(configuration), encoding="utf-8")
    (tmp_path / RULES.name).symlink_to(RULES)
    checked(promtool, "check", "config", tmp_path / name)


def test_every_service_is_scraped_at_its_port() -> None:
    ports = {spec.name: 8000 + spec.port_offset for spec in ALL if spec is not SANDBOX}
    (by_name,) = read(FOLDER / "prometheus.yml")["scrape_configs"]
    assert {name: each["port"] for each in by_name["dns_sd_configs"] for name in each["names"]} == ports
    (fixed,) = read(FOLDER / "static.yml")["scrape_configs"]
    targets = {each["labels"]["service"]: each["targets"] for each in fixed["static_configs"]}
    assert targets == {name: [f"127.0.0.1:{port}"] for name, port in ports.items()}


def test_each_alert_is_tried_firing_and_silent() -> None:
    tried = [each for test in read(TESTS)["tests"] for each in test["alert_rule_test"]]
    assert {each["alertname"] for each in tried if each["exp_alerts"]} == set(alerts())
    assert {each["alertname"] for each in tried if not each["exp_alerts"]} == set(alerts())


def test_the_runbook_says_what_to_do_about_each_alert() -> None:
    headings = re.findall(r"^### (Hermodr\w+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(alerts())
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
        assert rule["labels"]["severity"] in ("warning", "critical")
