"""`make kubernetes`: write deploy/kubernetes/base and components, which are the chart, rendered, and the example of the
secrets. `--check` writes nothing, and fails where they are not fresh or one of our manifests is none."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from chart import Chart
from hermodr_contracts.broker_rights import SERVICES, permissions, user_name, whole
from hermodr_devkit.supervisor.services import ALL, SANDBOX, ServiceSpec
from hermodr_devkit.supervisor.variables import TOLD, USE_STORES
from manifests import KUBERNETES, all_flaws

ROOT = Path(__file__).parents[1]
CHART = KUBERNETES / "chart" / "hermodr"

_GENERATED = "# Made by `make kubernetes` from deploy/kubernetes/chart: change that.\n"
_RULES = ROOT / "deploy/prometheus/hermodr.rules.yml"
_RULE = """\
{{- /* Made by `make kubernetes` from deploy/prometheus/hermodr.rules.yml: change that. */}}
{{- if .Values.monitoring.enabled }}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ .Release.Name }}
  labels:
    {{- include "hermodr.labels" (dict "root" $ "component" "monitoring") | nindent 4 }}
    {{- toYaml .Values.monitoring.labels | nindent 4 }}
spec:
%s{{- end }}
"""
_EXAMPLES: Mapping[str, str] = {
    "HERMODR_AMQP_URL": "amqp://hermodr-SERVICE:PASSWORD@hermodr-rabbitmq.hermodr.svc:5672/",
    "HERMODR_EMAIL_PROVIDERS": "smtp+starttls://USER:PASSWORD@smtp.example.com:587",
    "HERMODR_SMS_PROVIDERS": "twilio://ACCOUNT_SID:AUTH_TOKEN@default?from=%2B15550100",
    "HERMODR_SECRET_KEY": "AT_LEAST_32_RANDOM_BYTES",
    "HERMODR_LINK_SECRET": "OTHER_32_RANDOM_BYTES",
}
"""What an installation has; other secrets are named in docs/reference/configuration.md."""
_STORE: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "KEY_OF_THE_STORE_OF_FILES",
    "AWS_SECRET_ACCESS_KEY": "SECRET_OF_THE_STORE_OF_FILES",
}
"""Where `HERMODR_FILES_URL` is a store of objects."""

Documents = list[dict[str, Any]]


def rules() -> dict[Path, str]:
    """The part of the chart that is made, which the rest is rendered from: `{{` is Prometheus's here."""
    spec = _dumped(yaml.safe_load(_RULES.read_text())).replace("{{", '{{ "{{" }}')
    text = _RULE % "".join(f"  {line}\n" for line in spec.splitlines())
    return {CHART / "templates" / "rules.yaml": text}


def files() -> dict[Path, str]:
    """Everything that is made from the chart, by where it stands."""
    off = {"networkPolicies": {"enabled": False}}
    base = _rendered(off)
    texts = _rendered({**off, "services": {"sms-sender": {"enabled": True}}})
    parts = {
        "network-policies": _rendered({"networkPolicies": {"enabled": True}}),
        "ingress": _rendered({**off, "ingress": {"enabled": True}}),
        "http-route": _rendered({**off, "httpRoute": {"enabled": True}}),
        "scaling": _rendered({**off, "scaling": {"enabled": True}}),
        "monitoring": _rendered({**off, "monitoring": {"enabled": True}}),
        "texts": texts,
    }
    made = _folder("base", "Kustomization", "kustomize.config.k8s.io/v1beta1", base)
    for name, documents in parts.items():
        more = {"patches": _unscaled(documents)} if name == "scaling" else {}
        new = [each for each in documents if _name(each) not in {_name(known) for known in base}]
        made |= _folder(f"components/{name}", "Component", "kustomize.config.k8s.io/v1alpha1", new, **more)
    made[KUBERNETES / "examples" / "secrets.yaml"] = _secrets()
    made[KUBERNETES / "examples" / "rabbitmq.yaml"] = _broker()
    return made


def _rendered(values: Mapping[str, Any]) -> Documents:
    documents = Chart(CHART).render(values)
    for each in documents:
        each["metadata"].pop("annotations", None) if each["kind"] == "Job" else None  # Helm's own
    return documents


def _name(document: Mapping[str, Any]) -> tuple[str, str]:
    return document["kind"], document["metadata"]["name"]


def _folder(path: str, kind: str, version: str, documents: Documents, **more: Any) -> dict[Path, str]:
    folder = KUBERNETES / path
    head = {"apiVersion": version, "kind": kind, "resources": ["hermodr.yaml"], **more}
    return {
        folder / "kustomization.yaml": _GENERATED + _dumped(head),
        folder / "hermodr.yaml": _GENERATED + "---\n".join(map(_dumped, documents)),
    }


def _unscaled(documents: Documents) -> list[dict[str, Any]]:
    """Whom something scales says nothing of replicas, or each `apply` would undo it."""
    return [
        {
            "target": {"kind": "Deployment", "name": each["metadata"]["name"]},
            "patch": "- op: remove\n  path: /spec/replicas\n",
        }
        for each in documents
        if each["kind"] == "ScaledObject"
    ]


def _secrets() -> str:
    said = (
        "# What has to be in the Secrets of an installation: what each service is told, and nothing else.\n"
        "# Make them with your operator of secrets; this file shows their names and is not for `kubectl apply`.\n"
        "# The broker's name is the full one (service.namespace.svc), as KEDA reads it from another namespace.\n"
        "# hermodr-api also has HERMODR_OIDC_CLIENT_SECRET where people log in by a provider, and only there.\n"
    )
    owner = _secret("migrate", {"HERMODR_DATABASE_URL": _database("hermodr_owner")})
    return said + "---\n".join([_dumped(owner), *(_dumped(_told(spec)) for spec in ALL if spec != SANDBOX)])


def _broker() -> str:
    """A cluster of RabbitMQ's operator, and what the users of ADR 0066 may there, for its topology operator."""
    cluster = {
        "apiVersion": "rabbitmq.com/v1beta1",
        "kind": "RabbitmqCluster",
        "metadata": {"name": "hermodr-rabbitmq"},
        "spec": {
            "replicas": 3,
            "image": "rabbitmq:4-management",
            "persistence": {"storage": "20Gi"},
            "resources": {"requests": {"cpu": "500m", "memory": "2Gi"}, "limits": {"memory": "2Gi"}},
            "rabbitmq": {
                "additionalConfig": "cluster_partition_handling = pause_minority\n"
                "queue_leader_locator = balanced\nvm_memory_high_watermark.relative = 0.6\n"
            },
        },
    }
    return (
        _GENERATED.replace("deploy/kubernetes/chart", "hermodr_contracts/broker_rights.py")
        + "# Each user's name and password are in a Secret of yours with the members username and password.\n"
        + "---\n".join([_dumped(cluster), *(_dumped(each) for name in SERVICES for each in _user(name))])
    )


def _user(service: str) -> Documents:
    where = {"rabbitmqClusterReference": {"name": "hermodr-rabbitmq"}}
    name, may = user_name(service, "hermodr"), permissions(service, whole("hermodr"))
    user = {"importCredentialsSecret": {"name": f"{name}-broker"}, **where}
    rights = {"configure": may.configure, "write": may.write, "read": may.read}
    permission = {"vhost": "/", "userReference": {"name": name}, "permissions": rights, **where}
    return [
        {"apiVersion": "rabbitmq.com/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        for kind, spec in (("User", user), ("Permission", permission))
    ]


def _told(spec: ServiceSpec) -> dict[str, Any]:
    given = {"HERMODR_DATABASE_URL": _database(_role(spec.name)), **_EXAMPLES}
    values = {
        name: value.replace("SERVICE", spec.name)
        for name, value in given.items()
        if spec in TOLD.get(name, ())
    }
    return _secret(spec.name, values | (dict(_STORE) if spec in USE_STORES else {}))


def _role(service: str) -> str:
    return (
        "hermodr_webhook_channel" if service == "webhook-sender" else f"hermodr_{service.replace('-', '_')}"
    )


def _database(role: str) -> str:
    return f"postgresql://{role}:PASSWORD@hermodr-postgres-rw:5432/hermodr?sslmode=require"


def _secret(name: str, values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"hermodr-{name}"},
        "type": "Opaque",
        "stringData": dict(values),
    }


def _dumped(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, width=120, allow_unicode=True)


def main(arguments: Sequence[str]) -> int:
    if "--check" in arguments:
        stale = _stale(rules() | files())
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not fresh: make kubernetes", file=sys.stderr)
        wrong = list(all_flaws())
        print(*wrong, sep="\n", file=sys.stderr)
        return 1 if stale or wrong else 0
    written = _write(rules())
    written += _write(files())
    print(f"{written} files written")
    return 0


def _stale(made: Mapping[Path, str]) -> list[Path]:
    return [path for path, text in made.items() if not path.exists() or path.read_text() != text]


def _write(made: Mapping[Path, str]) -> int:
    """How many were not fresh."""
    stale = _stale(made)
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path])
    return len(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
