"""The Milvus adapter on Milvus Lite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.adapters.milvus import MilvusIndex
from tests.contracts.vector_index import DIMENSIONS, KeywordContract, VectorIndexContract


def open_index(folder: Path, *, identity: str = "toy@1", dimensions: int = DIMENSIONS) -> MilvusIndex:
    return MilvusIndex(str(folder / "milvus.db"), embedder_identity=identity, dimensions=dimensions)


@pytest.fixture(scope="module")
def shared_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusIndex]:
    index = open_index(tmp_path_factory.mktemp("lite"))
    yield index
    index.close()


@pytest.fixture
def index(shared_index: MilvusIndex) -> MilvusIndex:
    shared_index.delete(list(shared_index.inventory()))
    return shared_index


class TestMilvusLite(VectorIndexContract, KeywordContract):
    pass
