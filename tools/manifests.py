"""Judges manifests of Kubernetes without a cluster: kinds of its own by `kubernetes-validate`, custom resources by the
schemas in deploy/kubernetes/schemas, and kustomizations by the files they name. Unknown members are mistakes."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from jsonschema import Draft202012Validator

KUBERNETES = Path(__file__).parents[1] / "deploy" / "kubernetes"
VERSIONS = ("1.29", "1.37")
_KUSTOMIZE = "kustomize.config.k8s.io/"


def documents(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]


def flaws(document: Mapping[str, Any], path: Path) -> Iterator[str]:
    """What is wrong with one document of `path`, a line each."""
    if str(document.get("apiVersion")).startswith(_KUSTOMIZE):
        yield from _missing(document, path.parent)
        return
    kind = f"{document.get('kind')} {document.get('metadata', {}).get('name')}"
    schema = _schema(document)
    if schema is not None:
        for error in Draft202012Validator(schema).iter_errors(document):
            yield f"{kind}: {error.json_path}: {error.message[:200]}"
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(dict(document), version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{kind}: Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message[:200]}"
        except kubernetes_validate.SchemaNotFoundError:
            yield f"{kind}: no schema of {document['apiVersion']} in Kubernetes {version}"


def all_flaws() -> Iterator[str]:
    """Of everything in deploy/kubernetes but the chart, whose documents exist only when it is rendered."""
    for path in sorted(KUBERNETES.rglob("*.yaml")):
        if "chart" not in path.relative_to(KUBERNETES).parts:
            for document in documents(path):
                yield from (f"{path.relative_to(KUBERNETES)}: {flaw}" for flaw in flaws(document, path))


def _missing(document: Mapping[str, Any], folder: Path) -> Iterator[str]:
    for name in (*document.get("resources", ()), *document.get("components", ())):
        if not ((folder / name).is_file() or (folder / name / "kustomization.yaml").is_file()):
            yield f"{name} does not exist"


def _schema(document: Mapping[str, Any]) -> Any:
    group, _, version = str(document.get("apiVersion")).rpartition("/")
    path = KUBERNETES / "schemas" / f"{group}_{str(document.get('kind')).lower()}_{version}.json"
    return _strict_schema(path) if path.is_file() else None


@cache
def _strict_schema(path: Path) -> Any:
    return _strict(json.loads(path.read_text(encoding="utf-8")))


def _strict(schema: Any) -> Any:
    """With members that are not named refused, as the api server drops them in silence."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: _strict(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        strict["properties"].setdefault("apiVersion", {}) if "spec" in strict["properties"] else None
        strict.setdefault("additionalProperties", False)
    return strict
