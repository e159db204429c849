"""A real ledger, index and retriever over a few short talks, for tests of what stands on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.answering import Answering
from core.chunking import chunk
from core.config import Settings
from core.exact_index import ExactIndex
from core.ledger import Ledger, open_ledger
from core.models import EmbeddedChunk, IndexRow, Transcript
from core.ports import ChatModel, Embedder
from core.retrieval import Retriever
from tests.fakes.models import HashingEmbedder
from tests.fakes.passages import BREAD_LINES, WINE_LINES, transcript_of

WINE = transcript_of("wine", WINE_LINES, title="How to serve wine", channel="The cellar")
BREAD = transcript_of("bread", BREAD_LINES, title="Bread at home", channel="The oven")
TALKS = (WINE, BREAD)


@dataclass
class Workshop:
    """What an answer needs."""

    ledger: Ledger
    retriever: Retriever
    embedder: Embedder
    settings: Settings

    def answering(self, chat: ChatModel | None = None) -> Answering:
        return Answering(self.ledger, self.retriever, chat, self.embedder, self.settings)


def open_workshop(folder: Path, talks: Sequence[Transcript] = TALKS, embedder: Embedder | None = None) -> Workshop:
    """The talks saved in a ledger in this folder, and indexed."""
    embedder = embedder or HashingEmbedder()
    ledger, index = open_ledger(f"sqlite:///{folder / 'cuepoint.db'}"), ExactIndex()
    for talk in talks:
        embedded = [EmbeddedChunk(c, embedder.embed(c.window_texts())) for c in chunk(talk)]
        ledger.library.save(talk, embedded, embedder=embedder.identity)
        index.upsert([IndexRow(item.chunk, talk.video, item.pooled) for item in embedded])
    settings = Settings(_env_file=None, data_dir=folder)  # type: ignore[call-arg]
    return Workshop(ledger, Retriever(ledger.library, index, embedder), embedder, settings)
