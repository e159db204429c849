"""Vendor errors as ours, where no server answers or the address is none."""

from __future__ import annotations

import errno
import os
import time

import pytest

from core.adapters.milvus import MilvusIndex
from core.adapters.milvus_client import place, pymilvus, translated
from core.errors import CuepointError, IndexUnreachable, LibraryFull, LibraryReadOnly, VectorIndexError


def open_index(uri: str, token: str | None = None) -> MilvusIndex:
    return MilvusIndex(uri, token, embedder_identity="toy@1", dimensions=8)


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "https://127.0.0.1:9", "tcp://nowhere.invalid:19530"])
def test_server_that_does_not_answer_is_named_at_once(uri: str):
    begun = time.monotonic()
    with pytest.raises(IndexUnreachable, match=r"does not answer\. Start the server or correct MILVUS_URI"):
        open_index(uri)
    assert time.monotonic() - begun < 12


@pytest.mark.parametrize("uri", ["milvus", "ftp://127.0.0.1/x", "data/milvus", "/data/milvus.sqlite", ""])
def test_address_that_is_none_says_what_one_looks_like(uri: str):
    with pytest.raises(VectorIndexError, match=r"no address of a vector index\. Set MILVUS_URI to http://host:port"):
        open_index(uri)


@pytest.mark.parametrize("uri", ["http://user:hidden@[::1", "http://user:hidden@127.0.0.1:99999"])
def test_broken_address_is_an_error_of_ours(uri: str):
    with pytest.raises(VectorIndexError) as caught:
        open_index(uri)
    assert "hidden" not in str(caught.value)


def test_password_and_token_stay_out_of_messages():
    with pytest.raises(IndexUnreachable) as caught:
        open_index("http://user:hidden1@127.0.0.1:9", "hidden2")
    assert "hidden" not in str(caught.value)
    assert caught.value.subject == place("http://user:hidden1@127.0.0.1:9") == "127.0.0.1:9"


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (pymilvus.MilvusException(1, "[Errno 28] No space left on device"), LibraryFull),
        (pymilvus.MilvusException(1, "quota exceeded[reason=disk quota exhausted]"), LibraryFull),
        (pymilvus.MilvusException(1, "[Errno 30] Read-only file system: 'x'"), LibraryReadOnly),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), LibraryFull),
        (pymilvus.MilvusException(2, "Fail connecting to server on h:1"), IndexUnreachable),
        (pymilvus.MilvusException(65535, "auth check failure, please check api key is correct"), IndexUnreachable),
        (pymilvus.MilvusException(1, "[search] Retry timeout: 60s"), IndexUnreachable),
        (ValueError("Cannot invoke RPC on closed channel!"), VectorIndexError),
        (pymilvus.MilvusException(1, "segment\n  file\tbroken " + "x" * 900), VectorIndexError),
    ],
)
def test_vendor_errors_become_ours_in_one_line(raised: Exception, expected: type[CuepointError]):
    with pytest.raises(CuepointError) as caught, translated("data/milvus.db"):
        raise raised
    assert type(caught.value) is expected
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert "data/milvus.db" in str(caught.value)


def test_an_error_that_is_its_own_cause_ends():
    """As pymilvus raises them."""
    error = pymilvus.MilvusException(1, "broken")
    with pytest.raises(VectorIndexError, match="broken"), translated("data/milvus.db"):
        raise error from error
