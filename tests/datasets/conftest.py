from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.archive import Archive, open_archive
from tests.fakes.ingest import transcript_of

TALKS = tuple(transcript_of(f"video{n:06d}") for n in range(4))


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """Four talks."""
    opened = open_archive(tmp_path / "data", TALKS)
    yield opened
    opened.close()
