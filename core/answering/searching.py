"""The retrieval step of an answer: one search, or two for a question that was translated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.answering.live import LiveAnswer
from core.models import Passage, SearchQuery
from core.retrieval import Retriever

PASSAGES = 10
"""So many passages are retrieved; those that fit the prompt are given to the model."""


def search(live: LiveAnswer, retriever: Retriever, queries: Sequence[str]) -> tuple[Passage, ...]:
    """The best passages of all queries, each once. Raises VectorIndexError, LibraryError, Cancelled."""
    channels = live.request.channels
    with live.step("retrieve", query=queries[0], queries=len(queries), channels=len(channels)) as found:
        results = [_search(live, retriever, SearchQuery(query, PASSAGES, channels=channels)) for query in queries]
        passages = results[0] if len(results) == 1 else _merged(results)
        found["passages"] = len(passages)
        found["best_score"] = passages[0].score if passages else None
    return passages


def _search(live: LiveAnswer, retriever: Retriever, query: SearchQuery) -> tuple[Passage, ...]:
    result = retriever.retrieve(query)
    for notice in result.notices:
        live.notice(notice)
    return result.passages


def _merged(results: Sequence[Sequence[Passage]]) -> tuple[Passage, ...]:
    """The best passages of several searches, ranked anew."""
    best: dict[str, Passage] = {}
    for passage in (passage for result in results for passage in result):
        known = best.get(passage.chunk.id)
        if known is None or passage.score > known.score:
            best[passage.chunk.id] = passage
    ranked = sorted(best.values(), key=lambda passage: -passage.score)[:PASSAGES]
    return tuple(replace(passage, rank=rank) for rank, passage in enumerate(ranked, start=1))
