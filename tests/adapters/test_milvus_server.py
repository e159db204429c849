"""The Milvus adapter on a real server: Milvus 2.3.5 from the pip package ``milvus``, which has no BM25."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from core.adapters.milvus import MilvusIndex
from core.errors import IndexUnreachable, VectorIndexError
from tests.contracts.vector_index import DIMENSIONS, EVERYWHERE, VectorIndexContract, inventory_of, make_row

pytestmark = pytest.mark.server

SCRIPT = Path(__file__).parent.parent / "servers" / "milvus_server.py"
TOKEN = "root:Milvus"


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """A server that asks for a token. One at a time on a machine: its etcd has fixed ports."""
    if importlib.util.find_spec("milvus") is None:
        pytest.skip("no Milvus server at hand: pip install milvus==2.3.5")
    with (
        FileLock(Path(tempfile.gettempdir(), "cuepoint-milvus-server.lock"), timeout=100),
        tempfile.TemporaryDirectory(prefix="milvus-") as folder,
        subprocess.Popen(
            [sys.executable, str(SCRIPT), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as server,
    ):
        port = server.stdout.readline().strip()
        if not port:
            reason = (server.stderr.read().strip().splitlines() or ["no reason given"])[-1]
            pytest.skip(f"the Milvus server does not start here: {reason}")
        yield f"http://127.0.0.1:{port}"
        server.stdin.close()
        server.wait(timeout=20)


def open_index(address: str, *, token: str | None = TOKEN, identity: str = "toy@1") -> MilvusIndex:
    return MilvusIndex(address, token, embedder_identity=identity, dimensions=DIMENSIONS)


@pytest.fixture(scope="module")
def shared_index(address: str) -> Iterator[MilvusIndex]:
    index = open_index(address)
    yield index
    index.close()


@pytest.fixture
def index(shared_index: MilvusIndex) -> MilvusIndex:
    shared_index.delete(list(shared_index.inventory()))
    return shared_index


class TestMilvusServer(VectorIndexContract):
    keyword = False

    def test_keyword_search_is_refused_in_words(self, index: MilvusIndex):
        with pytest.raises(VectorIndexError, match=r"has no keyword search\. It needs Milvus 2\.5"):
            index.search_keyword("fox", 5, EVERYWHERE)

    def test_two_processes_share_it(self, address: str, index: MilvusIndex):
        """What one connection wrote the other sees at once."""
        other = open_index(address)
        row = make_row("a")
        index.upsert([row])
        assert other.inventory() == inventory_of(row)
        other.close()

    @pytest.mark.parametrize("token", ["root:wrong", None])
    def test_wrong_token_is_named(self, address: str, token: str | None):
        with pytest.raises(IndexUnreachable, match=r"refuses the token\. Check MILVUS_TOKEN") as caught:
            open_index(address, token=token)
        assert "wrong" not in str(caught.value)
