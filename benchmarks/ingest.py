"""How long does it take to bring videos in? Beside the naive way, and beside the embedder's own speed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.corpus import ingest_record, settings_of
from benchmarks.harness import Context, Figure, Report, Table, timed
from benchmarks.processes import model_server
from core.adapters.local_embedding import LocalEmbedder
from core.adapters.openai_embedding import OpenAIEmbedder
from core.chunking import chunk
from core.models import Chunk, Transcript
from core.ports import Embedder
from core.services import build_services
from core.sources import read_sources

T = TypeVar("T")

LATENCY_MS = 100
NAIVE_CHUNKS = 150
"""The naive way takes a tenth of a second for each."""
SERVED_CHUNKS, LOCAL_CHUNKS = 2_000, 400
ROUNDS = 3
"""Of embedder and ingest in turn, so that what else runs on the machine meets both."""


def run(context: Context) -> Report:
    """Raises Unavailable where the corpus is absent."""
    record = ingest_record(context)
    report = Report(
        "Ingest",
        "The naive way embeds and inserts each chunk by itself, into Milvus Lite, with an embeddings server that takes "
        f"{LATENCY_MS} ms for a request, however much is in it. Ours embeds the windows of the chunks (three to four "
        "each), writes the ledger, and fills the search index and Milvus Lite; *complete* is when all of that stands, "
        "vectors of the library's words included, *searchable* when every passage can be found. The embedder's own "
        "speed is one call with all windows, which lets it sort them by length.",
    )
    _with_server(context, report)
    _with_local_embedder(context, report)
    minutes = record["complete_s"] / 60
    report.figures.append(Figure(f"{record['videos']} videos, local embedder", minutes, 10.0, "min"))
    report.notes.append(
        f"The {record['videos']} videos ({record['chunks']:,} chunks) could be searched after "
        f"{record['searchable_s'] / 60:.1f} minutes and were complete after {minutes:.1f}; load average "
        f"{record['load']:.1f} at the start, {record['others']:.1f} of {record['cores']} cores used by others."
    )
    return report


# --------------------------------------------------------------------------------------------- an embeddings server


def _with_server(context: Context, report: Report) -> None:
    with model_server(LATENCY_MS) as address:
        embedder = OpenAIEmbedder("bench", base_url=address, api_key="none")
        files, chunks = _slice(context, 300 if context.quick else SERVED_CHUNKS)
        naive = _naive(embedder, chunks[: 20 if context.quick else NAIVE_CHUNKS])
        searchable, complete = _ingest(files, embedder)
    rates = {"naive": naive, "searchable": len(chunks) / searchable, "complete": len(chunks) / complete}
    rows = [[name, f"{rate:.1f}", f"{rate / naive:.1f} ×"] for name, rate in rates.items()]
    caption = f"With an embeddings server of {LATENCY_MS} ms ({len(chunks):,} chunks of {len(files)} videos):"
    report.tables.append(Table(caption, ["", "chunks a second", "beside naive"], rows))
    ratio = rates["complete"] / naive
    report.figures.append(Figure("times faster than one call and one insert per chunk", ratio, 10.0, "×", most=False))


def _naive(embedder: Embedder, chunks: Sequence[Chunk]) -> float:
    """Chunks a second."""
    width = len(embedder.embed(["first"])[0])
    with tempfile.TemporaryDirectory() as folder:
        client = _milvus(Path(folder), width)

        def insert_all() -> None:
            for n, part in enumerate(chunks):
                vector = embedder.embed([part.text])[0]
                client.insert("naive", {"id": n, "vector": vector, "text": part.text, "start_s": part.start_s})

        _, took_ms = timed(insert_all)
        client.close()
    return len(chunks) / took_ms * 1000


def _milvus(folder: Path, width: int) -> Any:
    from core.adapters.milvus_client import pymilvus  # noqa: PLC0415  two seconds

    client = pymilvus.MilvusClient(str(folder / "naive.db"))
    client.create_collection("naive", dimension=width)
    return client


# ------------------------------------------------------------------------------------------------ the local embedder


def _with_local_embedder(context: Context, report: Report) -> None:
    embedder = LocalEmbedder(context.work / "data" / "models")
    embedder.warm_up()
    files, chunks = _slice(context, 60 if context.quick else LOCAL_CHUNKS)
    windows = list(dict.fromkeys(text for part in chunks for text in part.window_texts()))
    alone, ours = [], []
    for _ in range(ROUNDS):
        alone.append(_costs(lambda: embedder.embed(windows)))
        ours.append(_costs(lambda: _ingest(files, embedder)))
    alone_s, searchable_s = min(seconds for seconds, _, _ in alone), min(found[0] for _, _, found in ours)
    rows = [
        ["the embedder alone", f"{alone_s:.1f}", f"{len(windows) / alone_s:.0f}", "100%"],
        ["searchable", f"{searchable_s:.1f}", f"{len(windows) / searchable_s:.0f}", f"{alone_s / searchable_s:.0%}"],
    ]
    caption = (
        f"With the local embedder ({len(chunks):,} chunks, {len(windows):,} windows), the best of {ROUNDS} rounds:"
    )
    report.tables.append(Table(caption, ["", "seconds", "windows a second", "of the embedder's speed"], rows))
    report.figures.append(Figure("share of the embedder's own speed", alone_s / searchable_s, 0.9, most=False))
    processor = [min(cpu for _, cpu, _ in costs) for costs in (alone, ours)]
    report.notes.append(
        f"Processor time, which what else runs on the machine moves less: {processor[0]:.1f} s for the embedder alone, "
        f"{processor[1]:.1f} s for a complete ingest."
    )


def _costs(call: Callable[[], T]) -> tuple[float, float, T]:
    """Seconds, seconds of all cores, and the result."""
    before = time.process_time()
    result, took_ms = timed(call)
    return took_ms / 1000, time.process_time() - before, result


# -------------------------------------------------------------------------------------------------------- our ingest


def _slice(context: Context, count: int) -> tuple[list[Path], list[Chunk]]:
    """Files of the corpus, from its middle, with about so many chunks."""
    files: list[Path] = []
    chunks: list[Chunk] = []
    everything = sorted(context.videos.glob("*.json"))
    for file in everything[len(everything) // 2 :]:
        if len(chunks) >= count:
            break
        files.append(file)
        chunks += [part for found in read_sources(file) if isinstance(found, Transcript) for part in chunk(found)]
    return files, chunks


def _ingest(files: Sequence[Path], embedder: Embedder) -> tuple[float, float]:
    """Seconds until a new library can be searched, and until it is complete."""
    with tempfile.TemporaryDirectory() as folder:
        services = build_services(settings_of(Path(folder)), embedder=embedder)
        try:
            report, searchable_ms = timed(lambda: services.ingestor.ingest([str(file) for file in files]))
            _, rest_ms = timed(services.upkeep.catch_up)
            if len(report.ingested) != len(files):
                raise RuntimeError(f"only {len(report.ingested)} of {len(files)} videos were ingested")
        finally:
            services.close()
    return searchable_ms / 1000, (searchable_ms + rest_ms) / 1000
