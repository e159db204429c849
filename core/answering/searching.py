"""The retrieval step of an answer: one search, and a second one by words for a question that was translated."""

from __future__ import annotations

from dataclasses import replace

from core.answering.live import LiveAnswer
from core.answering.understanding import Understanding
from core.models import Passage, SearchMode, SearchQuery
from core.retrieval import Retriever
from core.words import base_language

PASSAGES = 10
"""So many passages are retrieved; those that fit the prompt are given to the model."""
OWN_LANGUAGE = 3
"""Of these so many come from videos in the language of a translated question, where there are any."""


def search(live: LiveAnswer, retriever: Retriever, question: Understanding) -> tuple[Passage, ...]:
    """The best passages for the question. Raises VectorIndexError, LibraryError, Cancelled."""
    channels = live.request.channels
    with live.step("retrieve", query=question.query, channels=len(channels)) as found:
        result = retriever.retrieve(SearchQuery(question.query, PASSAGES, channels=channels))
        for notice in result.notices:
            live.notice(notice)
        passages = result.passages
        if question.query_language != question.asked_in:
            passages = _with_own_language(passages, _own_language(retriever, question, channels))
        found["passages"] = len(passages)
        found["best_score"] = passages[0].score if passages else None
    return passages


def _own_language(retriever: Retriever, question: Understanding, channels: tuple[str, ...]) -> list[Passage]:
    """Passages that share words with the question as it was asked.

    By words only: an English embedder finds any two texts of another language alike.
    """
    query = SearchQuery(question.text, PASSAGES, SearchMode.KEYWORD, channels)
    found = retriever.retrieve(query).passages
    return [p for p in found if base_language(p.video.language) == question.asked_in][:OWN_LANGUAGE]


def _with_own_language(passages: tuple[Passage, ...], own: list[Passage]) -> tuple[Passage, ...]:
    known = {passage.chunk.id for passage in own}
    others = [passage for passage in passages if passage.chunk.id not in known][: PASSAGES - len(own)]
    return tuple(replace(passage, rank=rank) for rank, passage in enumerate([*others, *own], start=1))
