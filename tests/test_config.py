"""Settings come from the environment and from .env, and a wrong one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import Settings, load_settings
from core.errors import SettingsError


def test_without_any_setting_everything_is_local_and_has_a_default() -> None:
    settings = Settings.model_construct()
    assert settings.data_dir == Path("data")
    assert settings.ledger_url == "sqlite:///data/cuepoint.db"
    assert settings.effective_milvus_uri == "data/milvus.db"
    assert settings.uses_milvus_lite
    assert settings.openai_api_key is None
    assert settings.transcript_languages == ("en",)


def test_a_name_of_ours_has_the_prefix_and_a_shared_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUEPOINT_CHUNK_CHARS", "800")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")
    monkeypatch.setenv("CUEPOINT_OPENAI_BASE_URL", "http://wrong.invalid")
    settings = load_settings()
    assert settings.chunk_chars == 800
    assert settings.openai_base_url == "http://127.0.0.1:11434/v1"


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MILVUS_URI", "DATABASE_URL", "OPENAI_API_KEY", "CUEPOINT_TRANSCRIPT_LANGUAGES"):
        monkeypatch.setenv(name, "")
    settings = load_settings()
    assert settings.milvus_uri is None
    assert settings.database_url is None
    assert settings.openai_api_key is None
    assert settings.transcript_languages == ("en",)


def test_languages_are_listed_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUEPOINT_TRANSCRIPT_LANGUAGES", " de, en ,,es")
    assert load_settings().transcript_languages == ("de", "en", "es")


def test_roles_are_a_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUEPOINT_ROLES", '{"ana@example.org": "product_owner"}')
    assert load_settings().roles == {"ana@example.org": "product_owner"}


def test_a_dotenv_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("CUEPOINT_CHUNK_CHARS=600\nCUEPOINT_FETCH_PARALLEL=2\nSOMETHING_ELSE=1\n")
    monkeypatch.setitem(Settings.model_config, "env_file", str(dotenv))
    monkeypatch.setenv("CUEPOINT_FETCH_PARALLEL", "8")
    settings = load_settings()
    assert (settings.chunk_chars, settings.fetch_parallel) == (600, 8)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CUEPOINT_CHUNK_CHARS", "many"),
        ("CUEPOINT_CHUNK_CHARS", "10"),
        ("CUEPOINT_FETCH_PARALLEL", "0"),
        ("CUEPOINT_CHAT_TIMEOUT_S", "-1"),
        ("CUEPOINT_CHUNK_OVERLAP_CHARS", "900"),
    ],
)
def test_a_wrong_value_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable) as caught:
        load_settings()
    assert "\n" not in str(caught.value)


def test_roles_that_are_no_json_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUEPOINT_ROLES", "{ana: owner")
    with pytest.raises(SettingsError, match="CUEPOINT_ROLES"):
        load_settings()


def test_secrets_stay_out_of_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://ana:very-secret@127.0.0.1/library")
    monkeypatch.setenv("MILVUS_TOKEN", "root:very-secret")
    monkeypatch.setenv("CUEPOINT_PROXY_URL", "http://ana:very-secret@127.0.0.1:3128")
    monkeypatch.setenv("COMET_API_KEY", "very-secret")
    assert "very-secret" not in repr(load_settings())


@pytest.mark.parametrize("value", ["", " ", "\t"])
def test_a_blank_key_of_comet_is_no_key(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("COMET_API_KEY", value)
    assert load_settings().comet_api_key is None


def test_a_milvus_address_that_is_a_file_is_milvus_lite() -> None:
    assert load_settings(milvus_uri="elsewhere/library.db").uses_milvus_lite
    assert not load_settings(milvus_uri="http://127.0.0.1:19530").uses_milvus_lite
