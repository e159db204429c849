"""A library ten times as large as the corpus, made of changed copies of it; the same in every run."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.corpus import Library, opened, settings_of
from benchmarks.harness import Context
from core.ledger import open_ledger
from core.models import EmbeddedChunk, Transcript, Vectors

LARGE = 100_000
COSINE = 0.9
"""Between a vector and its changed copy."""
CHANGED_WORDS = 0.3


def grown(context: Context, small: Path) -> Path:
    """A data folder with changed copies of the library's videos, LARGE chunks in all; made once."""
    data_dir, done = context.work / "data-large", context.work / "data-large.done"
    if not done.exists():
        shutil.rmtree(data_dir, ignore_errors=True)
        data_dir.mkdir(parents=True)
        _copy_into(data_dir, small, context)
        done.touch()
    return data_dir


def _copy_into(data_dir: Path, small: Path, context: Context) -> None:
    shutil.copytree(small / "models", data_dir / "models")
    settings = settings_of(data_dir)
    with opened(small) as library:
        ledger = open_ledger(settings.ledger_url)
        total = library.index.count() * 2 if context.quick else LARGE
        copied = 0
        for transcript, chunks in _copies(library, total):
            ledger.library.save(transcript, chunks, embedder=library.embedder.identity)
            copied += len(chunks)
        words, vectors = library.ledger.terms.terms(embedder=library.embedder.identity)
        ledger.terms.save_terms(words, vectors, embedder=library.embedder.identity)
        ledger.close()
    print(f"{copied:,} chunks copied", flush=True)


def _copies(library: Library, total: int) -> Iterator[tuple[Transcript, list[EmbeddedChunk]]]:
    """The videos, then their changed copies, until there are enough chunks. The same in every run."""
    random, identity = np.random.default_rng(7), library.embedder.identity
    held = library.ledger.library
    texts = [s.chunk.text for s in held.iter_stored(embedder=identity)]
    by_length = _by_length(" ".join(texts).split())
    made, round_ = 0, 0
    while made < total:
        for entry in held.videos():
            stored = list(held.iter_stored(embedder=identity, video_ids=[entry.video.video_id]))
            chunks = [EmbeddedChunk(s.chunk, s.vectors) for s in stored if s.vectors is not None][: total - made]
            transcript = held.transcript(entry.video.video_id)
            if round_:
                video = replace(transcript.video, video_id=f"{entry.video.video_id}~{round_}")
                transcript = replace(transcript, video=video)
                chunks = [_changed(chunk, video.video_id, by_length, random) for chunk in chunks]
            if chunks:
                yield transcript, chunks
            made += len(chunks)
        round_ += 1


def _by_length(words: Sequence[str]) -> dict[int, list[str]]:
    grouped: dict[int, list[str]] = defaultdict(list)
    for word in words:
        grouped[len(word)].append(word)
    return grouped


def _changed(
    embedded: EmbeddedChunk, video_id: str, by_length: dict[int, list[str]], random: np.random.Generator
) -> EmbeddedChunk:
    """Words keep their length, so that times and windows stay right; common words stay common."""
    words = embedded.chunk.text.split(" ")
    for n in np.flatnonzero(random.random(len(words)) < CHANGED_WORDS):
        same = by_length.get(len(words[n]))
        if same:
            words[n] = same[random.integers(len(same))]
    chunk = replace(embedded.chunk, video_id=video_id, text=" ".join(words))
    return EmbeddedChunk(chunk, _turned(embedded.vectors, random))


def _turned(vectors: Vectors, random: np.random.Generator) -> Vectors:
    noise = random.standard_normal(vectors.shape).astype(np.float32)
    noise -= (noise * vectors).sum(axis=1, keepdims=True) * vectors
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    turned: Vectors = COSINE * vectors + np.float32(np.sqrt(1 - COSINE**2)) * noise
    return turned
