"""Thumbs, experiments and data versions as JSON, and back: what the outbox keeps, and what a person mends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from core.errors import InputError
from core.models import ExperimentRecord, MirrorThumb
from core.ports import DatasetFiles

T = TypeVar("T")
Document = dict[str, Any]
_HINT = "Put back the form in which it was shown."


@dataclass(config=ConfigDict(extra="forbid"))
class _Thumb:
    value: Literal[1, 0, -1]
    texts: dict[str, str]


_THUMB: TypeAdapter[_Thumb] = TypeAdapter(_Thumb)
_EXPERIMENT: TypeAdapter[ExperimentRecord] = TypeAdapter(ExperimentRecord)
_DATASET: TypeAdapter[DatasetFiles] = TypeAdapter(DatasetFiles)


def thumb_document(thumb: MirrorThumb) -> Document:
    return {"value": thumb.value, "texts": dict(thumb.texts)}


def thumb_from(document: Any, record_id: str) -> MirrorThumb:
    """The thumb of a record from its JSON. Raises InputError that names what is wrong."""
    read = _read(_THUMB, document, "thumb")
    return MirrorThumb(record_id, read.value, read.texts)


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


def dataset_document(dataset: DatasetFiles) -> Document:
    return {
        "version": dataset.version,
        "name": dataset.name,
        "aliases": list(dataset.aliases),
        "metadata": dict(dataset.metadata),
        "files": {name: str(Path(file).absolute()) for name, file in dataset.files.items()},
    }


def dataset_from(document: Any) -> DatasetFiles:
    """Raises InputError that names what is wrong, also where a file is not on this machine."""
    dataset = _read(_DATASET, document, "data version")
    for name, file in dataset.files.items():
        if not file.is_file():
            raise InputError(
                f"{name} of the data version is not at {file}", subject=name, hint="Save the version again here."
            )
    return dataset


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
