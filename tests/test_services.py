"""The whole laptop wiring with a fake embedder: ledger, memory index, Milvus Lite, ingest, answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.answering import AskRequest
from core.config import Settings, load_settings
from core.errors import LibraryError
from core.ledger.schema import processes
from core.models import AnswerStatus, SearchQuery
from core.services import Services, build_services
from tests.fakes.ingest import ScriptedYouTube
from tests.fakes.models import HashingEmbedder, ScriptedChatModel


def settings_in(folder: Path, **values: object) -> Settings:
    return load_settings(_env_file=None, data_dir=folder, **values)


def build(folder: Path, **values: object) -> Services:
    return build_services(settings_in(folder, **values), embedder=HashingEmbedder(64), source=ScriptedYouTube())


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = build(tmp_path / "data")
    yield services
    services.close()


def wait_for_ingest(services: Services) -> None:
    while services.ingestor.active():
        threading.Event().wait(0.02)


def test_the_first_start_brings_the_demo_library_and_answers_from_it(services: Services):
    services.open_app()
    wait_for_ingest(services)
    assert services.stats().demo_videos == services.stats().videos == 12
    answer = services.answering.ask(AskRequest("How is the population stability index computed?"))
    assert answer.status is AnswerStatus.QUOTED
    assert "demo-drift" in {citation.video_id for citation in answer.citations}


def test_a_removed_demo_library_does_not_come_back(tmp_path: Path):
    services = build(tmp_path / "data")
    services.open_app()
    wait_for_ingest(services)
    assert services.remove_demo() == 12
    services.close()
    again = build(tmp_path / "data")
    again.open_app()
    wait_for_ingest(again)
    assert again.stats().videos == 0
    again.close()


def test_a_command_never_adds_the_demo_library(services: Services):
    services.check()
    assert services.stats().videos == 0


def test_check_opens_everything_and_health_tells_how_it_stands(services: Services):
    services.ingestor.ingest(["demo"])
    services.check()
    health = {item.name: item for item in services.health()}
    assert {name: item.ok for name, item in health.items()} == {
        "Ledger": True,
        "Search index": True,
        "Vector index": True,
        "Embedder": True,
        "Chat model": None,
        "Comet": None,
    }
    assert "OPENAI_API_KEY" in health["Chat model"].detail
    assert "COMET_API_KEY" in health["Comet"].detail


def test_a_second_process_searches_and_ingests_while_the_first_owns_the_index(services: Services, tmp_path: Path):
    """The owner of the Milvus Lite file follows what the other one wrote to the ledger."""
    services.check()
    other = build(tmp_path / "data")
    try:
        assert not other.ingestor.ingest(["demo"]).failed
        assert other.retriever.retrieve(SearchQuery("population stability index")).passages
    finally:
        other.close()
    services.upkeep.follow()
    found = services.retriever.retrieve(SearchQuery("population stability index")).passages
    assert found[0].video.video_id == "demo-drift"


def test_a_milvus_server_that_does_not_answer_is_named_and_the_rest_works(tmp_path: Path):
    services = build(tmp_path / "data", milvus_uri="http://127.0.0.1:9")
    try:
        services.check()
        health = {item.name: item for item in services.health()}
        assert health["Search index"].ok is False
        assert "127.0.0.1:9" in health["Search index"].detail
        assert services.stats().videos == 0
    finally:
        services.close()


def test_a_chat_model_answers_with_checked_citations(tmp_path: Path):
    chat = ScriptedChatModel("PSI sums the difference of shares times the logarithm of their ratio [1].")
    services = build_services(settings_in(tmp_path), embedder=HashingEmbedder(64), source=ScriptedYouTube(), chat=chat)
    try:
        services.ingestor.ingest(["demo"])
        answer = services.answering.ask(AskRequest("What does PSI sum?", channels=("Demo: Operations",)))
        assert answer.status is AnswerStatus.ANSWERED
        assert answer.citations[0].video_id == "demo-drift"
    finally:
        services.close()


def test_a_data_folder_that_is_a_file_is_one_sentence(tmp_path: Path):
    place = tmp_path / "file"
    place.write_text("no folder")
    with pytest.raises(LibraryError, match="file"):
        build(place)


def test_a_part_that_cannot_be_closed_keeps_no_other_open(services: Services):
    """The ledger is closed last: by then this process is no longer in it, and others may take up its work."""
    entries = select(func.count()).select_from(processes)
    services.ingestor.ingest([])
    with services.ledger._database.read() as connection:
        assert connection.execute(entries).scalar_one() == 1

    def fail() -> None:
        raise OSError("cannot be closed")

    services._closing.callback(fail)
    with pytest.raises(OSError, match="cannot be closed"):
        services.close()
    with services.ledger._database.read() as connection:
        assert connection.execute(entries).scalar_one() == 0


def test_closing_twice_is_fine_and_frees_the_library(tmp_path: Path):
    services = build(tmp_path / "data")
    services.check()
    services.close()
    services.close()
    again = build(tmp_path / "data")
    again.check()
    assert all(item.ok is not False for item in again.health())
    again.close()
