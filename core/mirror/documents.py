"""Thumbs, experiments and data versions as JSON, and back: what the outbox keeps, and what a person mends."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from core.errors import InputError
from core.mirror.cleaning import clean_text
from core.models import ExperimentRecord, MirrorThumb
from core.ports import DatasetFiles

T = TypeVar("T")
Document = dict[str, Any]
DATA = "data.jsonl"
"""The file of a data version that its manifest's hash is of."""
_HINT = "Put back the form in which it was shown."
_SAVE_AGAIN = "Save the version again here."


@dataclass(config=ConfigDict(extra="forbid"))
class _Thumb:
    value: Literal[1, 0, -1]
    texts: dict[Literal["reason", "comment", "correction"], str]


_THUMB: TypeAdapter[_Thumb] = TypeAdapter(_Thumb)
_EXPERIMENT: TypeAdapter[ExperimentRecord] = TypeAdapter(ExperimentRecord)
_DATASET: TypeAdapter[DatasetFiles] = TypeAdapter(DatasetFiles)


def thumb_document(thumb: MirrorThumb) -> Document:
    return {"value": thumb.value, "texts": dict(thumb.texts)}


def thumb_from(document: Any, record_id: str) -> MirrorThumb:
    """The thumb of a record from its JSON, clean again. Raises InputError that names what is wrong."""
    read = _read(_THUMB, document, "thumb")
    return MirrorThumb(record_id, read.value, {name: clean_text(text) for name, text in read.texts.items()})


def experiment_document(experiment: ExperimentRecord) -> Document:
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "parameters": dict(experiment.parameters),
        "metrics": dict(experiment.metrics),
        "columns": list(experiment.columns),
        "rows": [list(row) for row in experiment.rows],
        "tags": list(experiment.tags),
    }


def experiment_from(document: Any) -> ExperimentRecord:
    """Raises InputError that names what is wrong."""
    return _read(_EXPERIMENT, document, "experiment")


def dataset_from(document: Any) -> DatasetFiles:
    """The version that a document of core/datasets names. Raises InputError that says what is wrong.

    A file that is missing, or is not the one that was saved, is never sent.
    """
    dataset = _read(_DATASET, document, "data version")
    data = dataset.files.get(DATA)
    if data is None:
        raise InputError(f"The data version {dataset.version[:12]} names no {DATA}", subject=DATA)
    for name, file in dataset.files.items():
        if not file.is_file():
            raise InputError(f"{name} of the data version is not at {file}", subject=name, hint=_SAVE_AGAIN)
    if _sha256(data) != dataset.metadata.get("sha256"):
        message = f"{DATA} of the data version {dataset.version[:12]} is damaged"
        raise InputError(message, subject=str(data), hint=_SAVE_AGAIN)
    return dataset


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", subject=path.name) from None


def _read(adapter: TypeAdapter[T], document: Any, what: str) -> T:
    if not isinstance(document, Mapping):
        raise InputError(f"The {what} is not a JSON object", hint=_HINT)
    try:
        return adapter.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = _place(first["loc"])
        raise InputError(f"{place or what}: {first['msg']}", subject=place, hint=_HINT) from None


def _place(loc: Sequence[int | str]) -> str:
    return ".".join(map(str, loc))
