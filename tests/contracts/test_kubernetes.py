"""The chart in every way it can be set, against the schemas of Kubernetes and of custom resources; what the manifests
say of our services, against what the services say of themselves. `make check` judges what is committed."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from chart import Chart, ChartError
from hermodr_api.settings import ApiSettings
from hermodr_contracts.broker_rights import whole
from hermodr_devkit.supervisor.services import ALL, SANDBOX
from hermodr_devkit.supervisor.variables import USE_STORES
from hermodr_worker.built_in import tables
from hermodr_worker.settings import WorkerSettings
from kubernetes import CHART
from manifests import KUBERNETES, documents, flaws

RELAY = {"email-sender": [{"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": [{"port": 25}]}]}
STORE = {"port": 9000, "peers": [{"podSelector": {"matchLabels": {"app": "minio"}}}]}
EVERYTHING = {
    "ingress": {"enabled": True},
    "httpRoute": {"enabled": True},
    "scaling": {"enabled": True},
    "monitoring": {"enabled": True},
    "networkPolicies": {"more": RELAY, "files": STORE},
    "config": {"HERMODR_FILES_URL": "s3://files/hermodr", "AWS_ENDPOINT_URL": "http://minio:9000"},
    "image": {"pullSecrets": [{"name": "registry"}]},
    "services": {"sms-sender": {"enabled": True, "config": {"HERMODR_SMS_PREFETCH": 10}}},
}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "as it comes": {},
    "with everything": EVERYTHING,
    "with as little as possible": {"networkPolicies": {"enabled": False}, "migration": {"enabled": False}},
    "scaled, with a service less": {
        "scaling": {"enabled": True},
        "services": {"worker": {"enabled": False}},
    },
}


def rendered(values: Mapping[str, Any], release: str = "hermodr") -> dict[tuple[str, str], dict[str, Any]]:
    found = Chart(CHART).render(values, release)
    named = {(each["kind"], each["metadata"]["name"]): each for each in found}
    assert len(named) == len(found), "two documents of one kind and name"
    return named


@pytest.mark.parametrize("named", SETTINGS)
def test_the_chart_makes_what_kubernetes_takes(named: str) -> None:
    wrong = [
        flaw for each in rendered(SETTINGS[named], "other").values() for flaw in flaws(each, KUBERNETES / "x")
    ]
    assert wrong == []


@pytest.mark.parametrize("named", SETTINGS)
def test_values_are_what_their_schema_says(named: str) -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    own = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    for values in (own, SETTINGS[named]):
        assert list(Draft202012Validator(schema).iter_errors(values)) == []
    assert set(schema["properties"]) - {"global"} == set(own)


@pytest.mark.parametrize(
    "mistake",
    [
        {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "x"}, "spec": {"replica": 1}},
        {"kind": "Gadget", "apiVersion": "example.com/v1", "metadata": {"name": "x"}},
        {"kind": "ScaledObject", "apiVersion": "keda.sh/v1alpha1", "metadata": {}, "spec": {"triggers": []}},
        {"kind": "ServiceMonitor", "apiVersion": "monitoring.coreos.com/v1", "spec": {"selektor": {}}},
        {"kind": "Component", "apiVersion": "kustomize.config.k8s.io/v1alpha1", "resources": ["gone.yaml"]},
    ],
    ids=lambda each: each["kind"],
)
def test_mistakes_are_found(mistake: dict[str, Any]) -> None:
    assert list(flaws(mistake, KUBERNETES / "x.yaml")) != []


@pytest.mark.parametrize("text", ["{{ if .Values }}", "{{ lower .Values.x }}", "{{ end }}", "{{ .a.b.c }}"])
def test_templates_that_we_do_not_know_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "x.yaml").write_text(text)
    (tmp_path / "values.yaml").write_text("{}")
    (tmp_path / "Chart.yaml").write_text((CHART / "Chart.yaml").read_text())
    with pytest.raises(ChartError):
        Chart(tmp_path).render({})


def test_each_service_runs_with_least_rights() -> None:
    deployed = {
        name: each["spec"]["template"]["spec"]
        for (kind, name), each in rendered(EVERYTHING).items()
        if kind in ("Deployment", "Job")
    }
    assert set(deployed) == {f"hermodr-{each.name}" for each in ALL if each != SANDBOX} | {"hermodr-migrate"}
    for name, pod in deployed.items():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"secretRef": {"name": name}} in container["envFrom"], "no secret but its own"
        assert sum("secretRef" in each for each in container["envFrom"]) == 1


def test_an_overlay_names_images_that_are_run() -> None:
    run = {
        container["image"].partition(":")[0]
        for (kind, _), each in rendered({}).items()
        if kind in ("Deployment", "Job")
        for container in each["spec"]["template"]["spec"]["containers"]
    }
    (overlay,) = documents(KUBERNETES / "overlays" / "production" / "kustomization.yaml")
    assert {each["name"] for each in overlay["images"]} == run


def test_no_pod_says_how_many_it_is_where_something_scales() -> None:
    objects = rendered({"scaling": {"enabled": True}})
    scaled = {name for kind, name in objects if kind == "ScaledObject"}
    for (kind, name), each in objects.items():
        if kind == "Deployment":
            assert ("replicas" in each["spec"]) == (name not in scaled)


def test_queues_that_scale_exist() -> None:
    known = {each.queue.name for each in whole("hermodr").queues}
    named = {
        trigger["metadata"]["queueName"]
        for (kind, _), each in rendered(EVERYTHING).items()
        if kind == "ScaledObject"
        for trigger in each["spec"]["triggers"]
        if trigger["type"] == "rabbitmq"
    }
    assert named <= known
    assert len(named) >= 9


def test_nothing_inside_is_reached_by_those_who_call_strangers() -> None:
    objects = rendered(EVERYTHING)
    (rule,) = objects["NetworkPolicy", "hermodr-internet"]["spec"]["egress"]
    refused = {network for each in rule["to"] for network in each["ipBlock"]["except"]}
    assert {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"} <= refused


def test_files_are_reached_by_those_who_use_them_and_who_know_the_stores_keys() -> None:
    policies = rendered(EVERYTHING)
    spec = policies["NetworkPolicy", "hermodr-files"]["spec"]
    (chosen,) = spec["podSelector"]["matchExpressions"]
    users = {each.name for each in USE_STORES}
    assert set(chosen["values"]) == users
    assert spec["egress"] == [{"to": STORE["peers"], "ports": [{"protocol": "TCP", "port": 9000}]}]
    assert ("NetworkPolicy", "hermodr-files") not in rendered({})
    secrets = documents(KUBERNETES / "examples" / "secrets.yaml")
    told = {each["metadata"]["name"] for each in secrets if "AWS_SECRET_ACCESS_KEY" in each["stringData"]}
    assert told == {f"hermodr-{name}" for name in users}


def test_a_worker_has_room_for_as_many_exports_as_it_makes_at_once() -> None:
    pod = rendered({})["Deployment", "hermodr-worker"]["spec"]["template"]["spec"]
    (volume,) = pod["volumes"]
    room = int(volume["emptyDir"]["sizeLimit"].removesuffix("Gi")) * 2**30
    assert room >= WorkerSettings.model_fields["worker_concurrency"].default * tables.MOST_BYTES
    smaller = rendered({"services": {"worker": {"tmp": "512Mi"}}})["Deployment", "hermodr-worker"]
    assert smaller["spec"]["template"]["spec"]["volumes"][0]["emptyDir"] == {"sizeLimit": "512Mi"}


def test_where_people_log_in_is_shown_as_the_api_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    values = (CHART / "values.yaml").read_text(encoding="utf-8")
    overlay = (KUBERNETES / "overlays" / "production" / "kustomization.yaml").read_text(encoding="utf-8")
    config = yaml.safe_load("\n".join(re.findall(r"^ +#   (HERMODR_OIDC_\w+: .*)$", values, re.MULTILINE)))
    patch = yaml.safe_load("\n".join(re.findall(r"^ +# (- {op: .*HERMODR_OIDC_.*})$", overlay, re.MULTILINE)))
    assert {each["path"].removeprefix("/data/"): each["value"] for each in patch} == config
    for name, value in {**config, "HERMODR_OIDC_CLIENT_SECRET": "secret"}.items():
        monkeypatch.setenv(name, value)
    assert (told := ApiSettings().oidc) is not None
    assert told.label == config["HERMODR_OIDC_NAME"]
    objects = rendered({"services": {"api": {"config": config}}})
    for name in (f"hermodr-{each.name}" for each in ALL if ("Deployment", f"hermodr-{each.name}") in objects):
        (container,) = objects["Deployment", name]["spec"]["template"]["spec"]["containers"]
        shown = {each["name"]: each["value"] for each in container.get("env", [])}
        assert shown == (config if name == "hermodr-api" else {})


def test_only_what_the_guide_names_is_published() -> None:
    objects = rendered(EVERYTHING)
    paths = objects["Ingress", "hermodr"]["spec"]["rules"][0]["http"]["paths"]
    matches = objects["HTTPRoute", "hermodr"]["spec"]["rules"][0]["matches"]
    named = [each["path"] for each in paths]
    assert named == [each["path"]["value"] for each in matches]
    assert not any(each in named for each in ("/", "/metrics", "/health"))


def test_what_a_pod_reads_exists() -> None:
    objects = rendered(EVERYTHING)
    secrets = {each["metadata"]["name"] for each in documents(KUBERNETES / "examples" / "secrets.yaml")}
    for (kind, _), each in objects.items():
        if kind in ("Deployment", "Job"):
            for source in each["spec"]["template"]["spec"]["containers"][0]["envFrom"]:
                if "secretRef" in source:
                    assert source["secretRef"]["name"] in secrets
                else:
                    assert ("ConfigMap", source["configMapRef"]["name"]) in objects


def test_prometheus_has_our_rules_and_targets_named_as_they_name_them() -> None:
    made = rendered(EVERYTHING)
    written = (CHART.parents[2] / "prometheus/hermodr.rules.yml").read_text(encoding="utf-8")
    assert made["PrometheusRule", "hermodr"]["spec"] == yaml.safe_load(written)
    monitor = made["ServiceMonitor", "hermodr"]["spec"]
    services = {each["metadata"]["name"]: each for kind, each in made.items() if kind[0] == "Service"}
    assert {each["metadata"]["labels"][monitor["jobLabel"]] for each in services.values()} == {"hermodr"}
    (named,) = monitor["endpoints"][0]["relabelings"]
    assert named["targetLabel"] == "service"
    assert named["sourceLabels"] == ["__meta_kubernetes_service_label_app_kubernetes_io_component"]
    component = "app.kubernetes.io/component"
    assert {each["metadata"]["labels"][component] for each in services.values()} <= {
        each.name for each in ALL
    }
