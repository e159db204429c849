"""A version on its way to the mirror: what the outbox keeps of it, and the files behind that."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.datasets.folder import DATA, MANIFEST, file_hash
from core.errors import InputError
from core.ledger import DatasetVersion
from core.mirror.documents import dataset_from
from core.ports import DatasetFiles

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


def files_of(document: Any) -> DatasetFiles:
    """The version that a document of the outbox names. Raises InputError that says what is wrong.

    A file that is missing, or is not the one that was saved, is never sent.
    """
    dataset = dataset_from(document)
    data = dataset.files.get(DATA)
    if data is None:
        raise InputError(f"The data version {dataset.version[:12]} names no {DATA}", subject=DATA)
    try:
        same = file_hash(data) == dataset.metadata.get("sha256")
    except OSError as error:
        raise InputError(f"{data} cannot be read ({error.strerror})", subject=DATA) from None
    if not same:
        hint = "Save the version again here."
        raise InputError(f"{DATA} of the data version {dataset.version[:12]} is damaged", subject=str(data), hint=hint)
    return dataset


def _flat(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Nested objects become names with a dot; what is no plain value is left out."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": each for inner, each in _flat(value).items()}
        elif value is None or isinstance(value, str | int | float | bool):
            flat[name] = value
    return flat
