"""Writes the bill of materials: CycloneDX 1.6 as JSON, the same bytes for the same components."""

from __future__ import annotations

import collections.abc
import json
import urllib.parse
import uuid
from typing import Any

from third_party.supply import components
from third_party.supply.components import Component

_ROOT = "lenet-mindspore"
_NAMESPACE = uuid.UUID("2f0a9c1e-6a1d-5d2b-9d5e-0f4b8f0a7c55")  # only ours, for uuid5
_ALGORITHMS = {"sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}


def purl(component: Component) -> str:
    """The package URL: "pkg:deb/debian/g%2B%2B"."""
    name = "/".join(urllib.parse.quote(part, safe="") for part in component.name.split("/"))
    folder = "debian/" if component.kind == "deb" else ""
    version = f"@{urllib.parse.quote(component.version, safe='')}" if component.version else ""
    return f"pkg:{component.kind}/{folder}{name}{version}"


def render(items: collections.abc.Iterable[Component]) -> str:
    """The document. What several groups have is one component, whose properties name them."""
    merged: dict[str, list[Component]] = {}
    for item in items:
        merged.setdefault(_reference(item), []).append(item)
    entries = [_entry(reference, same) for reference, same in sorted(merged.items())]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, json.dumps(entries, sort_keys=True))}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": _ROOT,
                "name": _ROOT,
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": entries,
        "dependencies": [{"ref": _ROOT, "dependsOn": sorted(merged)}],
    }
    return json.dumps(document, indent=1) + "\n"


def _reference(item: Component) -> str:
    return f"data:{item.name}" if item.kind == "data" else purl(item)


def _entry(reference: str, same: list[Component]) -> dict[str, Any]:
    first = same[0]
    groups = sorted({item.group for item in same}, key=list(components.GROUPS).index)
    entry: dict[str, Any] = {
        "type": "data" if first.kind == "data" else "library",
        "bom-ref": reference,
        "name": first.name,
        "scope": "required" if set(groups) & set(components.RUNTIME) else "excluded",
        "licenses": [{"expression": first.licence}],
        "properties": [{"name": "lenet:group", "value": group} for group in groups],
    }
    if first.version:
        entry["version"] = first.version
    if hashes := sorted({digest for item in same for digest in item.hashes}):
        entry["hashes"] = [_hash(digest) for digest in hashes]
    if first.kind != "data":
        entry["purl"] = purl(first)
    if first.files:
        entry["components"] = [_file(reference, *file) for file in first.files]
    return entry


def _hash(digest: str) -> dict[str, str]:
    kind, _, digits = digest.rpartition(":")
    return {"alg": _ALGORITHMS[kind or "sha256"], "content": digits}


def _file(reference: str, name: str, sha256: str) -> dict[str, Any]:
    return {
        "type": "file",
        "bom-ref": f"{reference}/{name}",
        "name": name,
        "hashes": [_hash(sha256)],
    }
