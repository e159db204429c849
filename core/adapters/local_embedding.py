"""The local embedder: all-MiniLM-L6-v2 on onnxruntime, without torch, key or account.

The ONNX graph is built from the published weights once (core/adapters/bert_graph.py, about 2 s) and kept in the cache
folder with its checksums. The weights are under Apache-2.0; the model reads English and cuts a text at 256 tokens
(https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2).
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock

from core.adapters.model_files import CONFIG, MINILM, TOKENIZER, WEIGHTS, PublishedModel, checked_files, sha256_of
from core.errors import EmbeddingError
from core.models import Vectors

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Tokenizer

_log = logging.getLogger(__name__)

_GRAPH = "model.onnx"
_MANIFEST = "manifest.json"
_GRAPH_VERSION = 1
"""Raise it when bert_graph.py builds another graph: cached ones are then built anew."""
_MAX_CHARS = 16_384
"""Far more than 256 tokens of any prose; bounds the time that a text of megabytes takes to tokenise."""
_WORST_PADDING = 2
_BATCH_TOKENS = 1024
"""Short texts go together in larger batches, up to so many tokens: a call costs a millisecond in itself."""
_RETRY_AFTER_S = 60.0
"""A failed load is remembered this long, so that a machine without network does not wait for it at every search."""
_BUILD_LOCK_S = 300.0


class LocalEmbedder:
    """Texts to unit vectors on this machine; one object serves all threads.

    Nothing is read before the first ``embed`` or ``warm_up``. ``threads`` None: one per core.
    """

    batch_size = 16
    """Texts of similar length that go through the model together; more is not faster on a CPU."""
    concurrency = 1
    """One call already uses every core."""
    languages = ("en",)
    """What the model reads; in another language its cosines mean little."""
    least_similarity = 0.33
    """Cosine of question and best passage that random letters reach over 9,894 chunks; real questions lie above it."""

    def __init__(self, cache_dir: Path, threads: int | None = None, *, model: PublishedModel = MINILM) -> None:
        self._model = model
        self._folder = cache_dir / model.identity.replace("@", "-")
        self._threads = threads or os.cpu_count() or 1
        self._lock = threading.Lock()
        self._engine: _Engine | None = None
        self._failure: EmbeddingError | None = None
        self._retry_at = 0.0

    @property
    def identity(self) -> str:
        return self._model.identity

    @property
    def dimensions(self) -> int:
        return self._model.dimensions

    def warm_up(self) -> None:
        """Makes the first ``embed`` as fast as the others. Raises EmbeddingError."""
        self._loaded()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions), rows in the order of the texts. Raises EmbeddingError."""
        engine = self._loaded()
        tokens = [engine.tokenize(text) for text in texts]
        vectors = np.empty((len(tokens), self.dimensions), np.float32)
        # Texts of one length side by side: a batch is padded to its longest.
        order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
        for rows in _batches(order, [len(tokens[row]) for row in order], self.batch_size):
            vectors[rows] = engine.run([tokens[row] for row in rows])
        return vectors

    def _loaded(self) -> _Engine:
        engine = self._engine
        if engine is not None:
            return engine
        with self._lock:
            if self._engine is None:
                self._engine = self._load_or_remember_why_not()
            return self._engine

    def _load_or_remember_why_not(self) -> _Engine:
        if self._failure is not None and time.monotonic() < self._retry_at:
            raise EmbeddingError(self._failure.message, subject=self._failure.subject, hint=self._failure.hint)
        try:
            graph, tokenizer = _graph_and_tokenizer(self._model, self._folder)
            return _Engine(graph, tokenizer, threads=self._threads, max_tokens=self._model.max_tokens)
        except EmbeddingError as error:
            self._failure, self._retry_at = error, time.monotonic() + _RETRY_AFTER_S
            raise


def _batches(order: Sequence[int], lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Runs of ``order``: ``size`` texts, more where they are short, fewer where the longest has twice the tokens of
    the shortest, since the rest would be padding.

    A query and its words are such a case: one sentence beside words of three tokens.
    """
    begin = 0
    for end in range(1, len(order) + 1):
        if end < len(order):
            full = end - begin >= size and (end - begin + 1) * lengths[end] > _BATCH_TOKENS
            if not full and lengths[end] <= _WORST_PADDING * lengths[begin]:
                continue
        if begin < end:
            yield list(order[begin:end])
            begin = end


class _Engine:
    """The loaded model."""

    def __init__(self, graph: Path | bytes, tokenizer: str, *, threads: int, max_tokens: int) -> None:
        try:
            self._session = _open_session(graph, threads)
            self._tokenizer = _open_tokenizer(tokenizer, max_tokens)
        except Exception as error:  # onnxruntime and tokenizers raise bare Exception
            raise EmbeddingError(f"The local embedding model cannot be loaded ({error})") from error

    def tokenize(self, text: str) -> list[int]:
        """Token ids. Lone surrogates, which the tokenizer rejects, become "?"."""
        clean = text[:_MAX_CHARS].encode("utf-8", "replace").decode("utf-8")
        ids: list[int] = self._tokenizer.encode(clean).ids
        return ids

    def run(self, batch: Sequence[Sequence[int]]) -> Vectors:
        """Vectors of some token lists, shape (len(batch), dimensions)."""
        ids = np.zeros((len(batch), max(map(len, batch))), np.int32)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        try:
            vectors: Vectors = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        except Exception as error:  # onnxruntime raises bare Exception
            raise EmbeddingError(f"The local embedding model failed ({error})") from error
        return vectors


def _open_session(graph: Path | bytes, threads: int) -> onnxruntime.InferenceSession:
    import onnxruntime  # noqa: PLC0415 - half a second, and not needed to open a page

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Idle threads that spin take the cores from the pages that are being drawn.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    source = str(graph) if isinstance(graph, Path) else graph
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def _open_tokenizer(definition: str, max_tokens: int) -> Tokenizer:
    from tokenizers import Tokenizer  # noqa: PLC0415 - loaded with the session

    tokenizer = Tokenizer.from_str(definition)
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    return tokenizer


# ------------------------------------------------------------------------------------------------ the cached graph


def _graph_and_tokenizer(model: PublishedModel, folder: Path) -> tuple[Path | bytes, str]:
    """The graph, as a file or in memory where the folder cannot be written, and the tokenizer's definition."""
    try:
        if not _intact(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / "build.lock", timeout=_BUILD_LOCK_S):
                if not _intact(folder):  # another process may have built it meanwhile
                    _build_into(folder, model)
        return folder / _GRAPH, (folder / TOKENIZER).read_text(encoding="utf-8")
    except OSError as error:
        _log.warning("The local embedding model cannot be kept in %s (%s): it is built at every start", folder, error)
        graph, tokenizer = _build(model, folder / "fetched")
        return graph, tokenizer.decode("utf-8")


def _build_into(folder: Path, model: PublishedModel) -> None:
    """Writes graph, tokenizer and, last, the manifest that vouches for them."""
    scratch = folder / "fetched"
    for left_by_a_kill in folder.glob("*.new"):
        left_by_a_kill.unlink()
    try:
        graph, tokenizer = _build(model, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    _replace(folder / _GRAPH, graph)
    _replace(folder / TOKENIZER, tokenizer)
    files = {name: sha256_of(folder / name) for name in (_GRAPH, TOKENIZER)}
    manifest = {"version": _GRAPH_VERSION, "model": model.identity, "files": files}
    _replace(folder / _MANIFEST, json.dumps(manifest, indent=1).encode())


def _build(model: PublishedModel, scratch: Path) -> tuple[bytes, bytes]:
    """The graph and the tokenizer's definition, from checked files."""
    from core.adapters.bert_graph import build_graph, read_safetensors  # noqa: PLC0415 - onnx is needed once only

    files = checked_files(model, scratch)
    try:
        config = json.loads((files / CONFIG).read_text(encoding="utf-8"))
        graph: bytes = build_graph(read_safetensors(files / WEIGHTS), config).SerializeToString()
        return graph, (files / TOKENIZER).read_bytes()
    except (KeyError, ValueError) as error:
        raise EmbeddingError(f"The files of {model.name} are not those of a BERT encoder ({error})") from error


def _intact(folder: Path) -> bool:
    """Whether graph and tokenizer are the ones that the manifest was written for."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        files = manifest["files"]
        return manifest["version"] == _GRAPH_VERSION and all(
            files[name] == sha256_of(folder / name) for name in (_GRAPH, TOKENIZER)
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _replace(path: Path, content: bytes) -> None:
    """Writes a file so that it is there whole or not at all, whenever the process or the machine stops."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
