"""Writes JSON schemas of Kubernetes' kinds for ``kubeconform -strict``, with only Go modules.

    python tools/kubernetes_schemas.py 1.33.0 .cache/schemas

kubeconform looks for its schemas on the web; here they are made from the OpenAPI document inside Kubernetes'
own Go module. Each kind's schema refers to one ``_definitions.json`` and refuses fields it does not know.
Those of the custom resources that the chart makes come from the definitions in their operators' modules.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
# What stands below these names is a value or another schema's business, not a schema to be made strict.
NOT_SCHEMAS = frozenset({"default", "enum", "example", "required"})

# The modules that define custom resources, and where in them.
CUSTOM = {
    "github.com/kedacore/keda/v2@v2.21.0": (
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
    ),
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
    "github.com/external-secrets/external-secrets@v1.3.2": (
        "config/crds/bases/external-secrets.io_externalsecrets.yaml",
    ),
}
# KEDA takes any text for a trigger's metadata, so what a scaler reads is taken from its source.
SCALERS = {
    "kafka": "pkg/scalers/kafka_scaler.go",
    "aws-kinesis-stream": "pkg/scalers/aws_kinesis_stream_scaler.go",
    "prometheus": "pkg/scalers/prometheus_scaler.go",
}


def module(name: str) -> Path:
    """The folder of a Go module, which Go downloads and checks."""
    command = ["go", "mod", "download", "-json", name]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  no user's input
    return Path(json.loads(told)["Dir"])


def openapi(version: str) -> dict[str, Any]:
    """Kubernetes' OpenAPI document."""
    swagger = module(f"k8s.io/kubernetes@v{version}") / "api/openapi-spec/swagger.json"
    return dict(json.loads(swagger.read_text()))


def make_strict(schema: Any) -> None:  # noqa: ANN401  any JSON
    """Refuse unknown fields, everywhere below ``schema``; a map of anything stays one."""
    if isinstance(schema, list):
        for each in schema:
            make_strict(each)
    if not isinstance(schema, dict):
        return
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema.setdefault("additionalProperties", False)
    if schema.get("format") == "int-or-string":
        schema.clear()
        schema["oneOf"] = [{"type": "string"}, {"type": "integer"}]
    for name, below in schema.items():
        if name == "properties":
            make_strict(list(below.values()))
        elif name not in NOT_SCHEMAS:
            make_strict(below)


def definitions(document: dict[str, Any]) -> dict[str, Any]:
    """All strict definitions, with references as they are from the folder of the kinds."""
    strict = document["definitions"]
    for each in strict.values():
        make_strict(each)
    # The API server takes `cpu: 1` as well as `cpu: "1"`; the document says string.
    strict[QUANTITY] = {"oneOf": [{"type": "string"}, {"type": "number"}]}
    text = json.dumps(strict).replace('"#/definitions/', '"_definitions.json#/definitions/')
    return dict(json.loads(text))


def kinds(strict: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The schema of each kind by the file name that kubeconform asks for."""
    found = {}
    for definition in strict.values():
        for names in definition.get("x-kubernetes-group-version-kind", ()):
            group, version, kind = names["group"], names["version"], names["kind"]
            short = "-".join(filter(None, [kind, group.split(".")[0], version])).lower()
            api_version = f"{group}/{version}" if group else version
            own = {"apiVersion": {"enum": [api_version]}, "kind": {"enum": [kind]}}
            found[f"{short}.json"] = {
                **definition,
                "properties": {**definition.get("properties", {}), **own},
                "required": sorted({*definition.get("required", ()), *own}),
            }
    return found


def custom_kinds() -> dict[str, dict[str, Any]]:
    """The schema of each version of a custom resource: ``{{.ResourceKind}}_{{.ResourceAPIVersion}}.json``."""
    found = {}
    for name, files in CUSTOM.items():
        folder = module(name)
        for file in files:
            definition = yaml.safe_load((folder / file).read_text())["spec"]
            for version in definition["versions"]:
                schema = version["schema"]["openAPIV3Schema"]
                # What every object has; a definition says only that it is one.
                schema["properties"]["metadata"] = {"type": "object"}
                make_strict(schema)
                found[f"{definition['names']['kind'].lower()}_{version['name']}.json"] = schema
    return found


def definitions_of_custom_kinds() -> list[Path]:
    """What an API server has to be given before it takes custom resources."""
    return [module(name) / file for name, files in CUSTOM.items() for file in files]


def trigger_keys() -> dict[str, list[str]]:
    """What the metadata of each kind of KEDA's triggers may hold."""
    folder = module(next(name for name in CUSTOM if "/keda/" in name))
    tag = re.compile(r'keda:"name=(\w+),\s*order=([\w;]+)')
    return {
        kind: sorted(
            name for name, order in tag.findall((folder / file).read_text()) if "triggerMetadata" in order
        )
        for kind, file in SCALERS.items()
    }


def main(version: str, out: str) -> None:
    """Write what kubeconform's ``{{.NormalizedKubernetesVersion}}{{.StrictSuffix}}`` names, and more."""
    crds = Path(out) / "crd"
    crds.mkdir(parents=True, exist_ok=True)
    custom = custom_kinds()
    for name, schema in custom.items():
        (crds / name).write_text(json.dumps(schema))
    whole = Path(out) / "crds"
    whole.mkdir(exist_ok=True)
    for definition in definitions_of_custom_kinds():
        (whole / definition.name).write_text(definition.read_text())
    (crds / "trigger-keys.json").write_text(json.dumps(trigger_keys(), indent=2))
    print(f"{len(custom)} schemas in {crds}")
    folder = Path(out) / f"v{version}-strict"
    folder.mkdir(parents=True, exist_ok=True)
    strict = definitions(openapi(version))
    (folder / "_definitions.json").write_text(json.dumps({"definitions": strict}))
    written = kinds(strict)
    for name, schema in written.items():
        (folder / name).write_text(json.dumps(schema))
    print(f"{len(written)} schemas in {folder}")


if __name__ == "__main__":
    main(*sys.argv[1:])
