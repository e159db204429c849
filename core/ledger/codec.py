"""Values to JSON and to packed bytes, and back."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from itertools import starmap
from typing import Any, Generic, TypeVar, cast

import numpy as np

from core.models import Cue, Segment, Vectors

T = TypeVar("T")
_CUE = struct.Struct("<qdd")
_WINDOW = struct.Struct("<qq")
_DEEPEST = 50
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def dump_json(value: Any) -> str:
    """Compact ASCII JSON that any reader accepts: never NaN or Infinity, never an exception.

    A number that is not finite becomes null; what JSON has no form for becomes its text.
    """
    if value == [] and type(value) is list:  # most lists of a trace
        return "[]"
    try:
        return _ENCODER.encode(value)
    except (ValueError, TypeError):
        return _ENCODER.encode(_plain(value, depth=0))


def load_json(text: str) -> Any:
    return json.loads(text)


def _plain(value: Any, *, depth: int) -> Any:
    """The nearest thing that JSON has; containers within more than 50 others, or in a circle, become a mark."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if depth >= _DEEPEST:
        return f"({type(value).__name__})"
    return _plain_container(value, depth + 1)


def _plain_container(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth=depth) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset | np.ndarray) and not isinstance(value, bytes | bytearray):
        return [_plain(item, depth=depth) for item in value]
    return str(value)


class Document(Generic[T]):
    """A flat dataclass as a JSON object, field by field."""

    def __init__(self, kind: type[T]) -> None:
        described = fields(cast("Any", kind))
        self._kind = kind
        self._names = tuple(field.name for field in described)
        self._required_numbers = tuple(field.name for field in described if field.type == "float")

    def dump(self, value: T) -> dict[str, Any]:
        return {name: getattr(value, name) for name in self._names}

    def load(self, document: Mapping[str, Any]) -> T:
        """The inverse of dump. Fields of a later version are left out, missing ones take their defaults.

        Null for a required number means that it was not finite: it reads back as NaN.
        """
        known = {name: document[name] for name in self._names if name in document}
        for name in self._required_numbers:
            if name in known:
                known[name] = measured(known[name])
        return self._kind(**known)


def measured(value: float | None) -> float:
    """A required number read from a column: NULL is what was not finite, so it reads back as NaN."""
    return math.nan if value is None else value


def pack_cues(cues: Sequence[Cue]) -> bytes:
    """24 bytes a cue, little-endian: offset as int64, start and end in seconds as float64."""
    return b"".join(_CUE.pack(cue.offset, cue.start_s, cue.end_s) for cue in cues)


def unpack_cues(data: bytes) -> tuple[Cue, ...]:
    return tuple(starmap(Cue, _CUE.iter_unpack(data)))


def pack_windows(windows: Sequence[tuple[int, int]]) -> bytes:
    """16 bytes a window, little-endian: begin and end as int64."""
    return b"".join(_WINDOW.pack(begin, end) for begin, end in windows)


def unpack_windows(data: bytes) -> tuple[tuple[int, int], ...]:
    return tuple(_WINDOW.iter_unpack(data))


def pack_vectors(vectors: Vectors) -> bytes:
    """Float16, little-endian, row after row. Half precision moves a cosine by less than 0.001."""
    return np.ascontiguousarray(vectors, dtype="<f2").tobytes()


def unpack_vectors(blobs: Sequence[bytes], dimensions: int) -> list[Vectors]:
    """One array of shape (n, dimensions) per blob, float32, rows of unit length again (zero rows stay zero)."""
    rows = np.frombuffer(b"".join(blobs), dtype="<f2").astype(np.float32).reshape(-1, dimensions)
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    rows /= np.where(norms > 0, norms, 1.0)[:, None]
    counts = np.array([len(blob) // (2 * dimensions) for blob in blobs])
    ends = np.cumsum(counts)
    return [rows[end - count : end] for count, end in zip(counts, ends, strict=True)]


def segments_document(segments: Iterable[Segment]) -> list[list[Any]]:
    """``[[text, start_s, duration_s], …]``."""
    return [[segment.text, segment.start_s, segment.duration_s] for segment in segments]


def segments_of(document: Iterable[Sequence[Any]]) -> tuple[Segment, ...]:
    return tuple(Segment(text, measured(start), measured(duration)) for text, start, duration in document)
