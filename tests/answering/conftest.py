from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.answering import Answering
from core.ports import ChatModel
from tests.fakes.workshop import Workshop, open_workshop

Opener = Callable[..., Answering]


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    shop = open_workshop(tmp_path)
    yield shop
    shop.ledger.close()


@pytest.fixture
def opened(workshop: Workshop) -> Iterator[Opener]:
    """Makes an Answering with a chat model, or without, and closes it."""
    made: list[Answering] = []

    def make(chat: ChatModel | None = None) -> Answering:
        made.append(workshop.answering(chat))
        return made[-1]

    yield make
    for answering in made:
        answering.close()
