"""A version on its way to the mirror: what the outbox keeps of it. core/mirror/documents.py reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.datasets.folder import DATA, MANIFEST
from core.ledger import DatasetVersion

Document = dict[str, Any]


def outbox_document(version: DatasetVersion, folder: Path) -> Document:
    """What the outbox keeps: where the files are, and the manifest's facts as plain values."""
    return {
        "version": version.version,
        "kind": str(version.kind),
        "name": version.name,
        "aliases": [version.alias] if version.alias else [],
        "metadata": {"note": version.note, **_flat(version.manifest)},
        "files": {name: str(folder / name) for name in (DATA, MANIFEST)},
    }


def _flat(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Nested objects become names with a dot; what is no plain value is left out."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": each for inner, each in _flat(value).items()}
        elif value is None or isinstance(value, str | int | float | bool):
            flat[name] = value
    return flat
