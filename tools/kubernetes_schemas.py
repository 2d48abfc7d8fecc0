"""Writes JSON schemas of Kubernetes' kinds for ``kubeconform -strict``, with only Go modules.

    python tools/kubernetes_schemas.py 1.33.0 .cache/schemas

kubeconform looks for its schemas on the web; here they are made from the OpenAPI document inside Kubernetes'
own Go module. Each kind's schema refers to one ``_definitions.json`` and refuses fields it does not know.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
# What stands below these names is a value or another schema's business, not a schema to be made strict.
NOT_SCHEMAS = frozenset({"default", "enum", "example", "required"})


def openapi(version: str) -> dict[str, Any]:
    """Kubernetes' OpenAPI document, from the module that Go downloads and checks."""
    command = ["go", "mod", "download", "-json", f"k8s.io/kubernetes@v{version}"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  no user's input
    swagger = Path(json.loads(told)["Dir"]) / "api/openapi-spec/swagger.json"
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


def main(version: str, out: str) -> None:
    """Write the folder that kubeconform's ``{{.NormalizedKubernetesVersion}}{{.StrictSuffix}}`` names."""
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
