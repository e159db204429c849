"""The settings: the only reader of the environment and of ``.env``."""

from __future__ import annotations

import json
import os
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import SettingsError


class Settings(BaseSettings):
    """Every setting with its default; README has the same table for users.

    A name without ``alias`` is read from ``CUEPOINT_<NAME>``.
    """

    model_config = SettingsConfigDict(
        env_prefix="CUEPOINT_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
    )

    data_dir: Path = Path("data")
    database_url: SecretStr | None = Field(default=None, alias="DATABASE_URL")
    milvus_uri: str | None = Field(default=None, alias="MILVUS_URI")
    milvus_token: SecretStr | None = Field(default=None, alias="MILVUS_TOKEN")

    openai_api_key: SecretStr | None = Field(default=None, alias="OPENAI_API_KEY")
    openai_base_url: str | None = Field(default=None, alias="OPENAI_BASE_URL")
    chat_model: str | None = None
    embedding_model: str | None = None
    chat_timeout_s: float = Field(default=60.0, gt=0)
    chat_temperature: float = Field(default=0.0, ge=0, le=2)
    chat_max_tokens: int = Field(default=4096, ge=64, le=1_000_000)
    """The most tokens, reasoning included, of an answer that a budget pays: what it costs at most is reserved."""

    comet_api_key: SecretStr | None = Field(default=None, alias="COMET_API_KEY")
    comet_workspace: str | None = Field(default=None, alias="COMET_WORKSPACE")
    comet_project_name: str | None = Field(default=None, alias="COMET_PROJECT_NAME")
    comet_url_override: str | None = Field(default=None, alias="COMET_URL_OVERRIDE")
    comet_timeout_s: float = Field(default=10.0, gt=0, le=60)
    """How long an answer of Comet is waited for."""
    dataset_upload_mb: float = Field(default=100.0, ge=0)
    """A version of the data that is larger goes to Comet as a reference to its files, not as their content."""

    youtube_url: str = "https://www.youtube.com"
    proxy_url: SecretStr | None = None
    transcript_languages: Annotated[tuple[str, ...], NoDecode] = ("en",)
    """Comma-separated in the environment; the first one that a video has is taken."""
    fetch_parallel: int = Field(default=4, ge=1, le=16)
    fetch_pause_s: float = Field(default=0.5, ge=0)
    """Least time between two starts of a fetch: the polite limit."""

    chunk_chars: int = Field(default=1000, ge=200, le=8000)
    chunk_overlap_chars: int = Field(default=50, ge=0, le=1000)
    drift_at: time | None = None
    """When the app makes its daily drift report, in UTC; None: never."""
    webhook_url: SecretStr | None = None
    """Hears of drift and others, as Slack's incoming webhooks do. Its address is the right to write there."""
    roles: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    """A JSON object in the environment: e-mail or domain -> role."""

    @field_validator("transcript_languages", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("comet_api_key", mode="before")
    @classmethod
    def _blank_is_none(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("roles", mode="before")
    @classmethod
    def _read_json(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(f'must be a JSON object like {{"ana@example.org": "engineer"}}: {error}') from None

    @model_validator(mode="after")
    def _overlap_fits(self) -> Self:
        if self.chunk_overlap_chars * 2 > self.chunk_chars:
            raise ValueError("CUEPOINT_CHUNK_OVERLAP_CHARS must be at most half of CUEPOINT_CHUNK_CHARS")
        return self

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy address of the ledger."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'cuepoint.db'}"

    @property
    def uses_milvus_lite(self) -> bool:
        return self.milvus_uri is None or self.milvus_uri.endswith(".db")

    @property
    def effective_milvus_uri(self) -> str:
        return self.milvus_uri or str(self.data_dir / "milvus.db")


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment, ``.env`` and overrides by field name.

    Raises SettingsError that names the first wrong variable.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        variable = _variable(first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{variable}: {message}" if variable else message, subject=variable) from None


COMET_QUIET = {
    "COMET_DISABLE_AUTO_LOGGING": "1",  # else every call to OpenAI posts its full prompt to Comet
    "COMET_ERROR_TRACKING_ENABLE": "false",  # else a coin flip starts Sentry
    "COMET_INTERNAL_REPORTING": "false",
    "COMET_LOGGING_CONSOLE": "CRITICAL",  # its failures are ours to word
    "COMET_DISPLAY_SUMMARY_LEVEL": "0",
    "COMET_DISABLE_ANNOUNCEMENT": "1",
    "COMET_RAISE_EXCEPTIONS_ON_ERROR": "1",
    "COMET_HTTP_SESSION_RETRY_TOTAL": "0",  # the drainer tries again, not a call
    "COMET_TIMEOUT_CLEANING": "60",  # at the end of an experiment; its default is an hour
    "COMET_TIMEOUT_UPLOAD": "1800",
    "COMET_TIMEOUT_FILE_UPLOAD": "60",
    "COMET_FALLBACK_STREAMER_FALLBACK_TO_OFFLINE_MIN_BACKEND_VERSION": "999.0.0",  # else it leaves files behind
    "COMET_CONFIG": os.devnull,  # a file in the home folder is none of our settings
}
"""What Comet's packages read on import."""


def quiet_comet(url: str, timeout_s: float) -> None:
    """Sets what Comet's packages read from the environment; to be called before their first import and before use.

    The address stands in the environment only where somebody put it there: then it must not be another one.
    """
    whole = str(max(1, round(timeout_s)))
    os.environ.update(COMET_QUIET, COMET_TIMEOUT_HTTP=whole, COMET_TIMEOUT_API=whole)
    if "COMET_URL_OVERRIDE" in os.environ:
        os.environ["COMET_URL_OVERRIDE"] = url


def quiet_evidently() -> None:
    """Sets what Evidently reads from the environment, so that it tells nobody that it is used; before its import."""
    os.environ["DO_NOT_TRACK"] = "1"


def _variable(loc: tuple[int | str, ...]) -> str:
    """The environment variable behind a validation error's place."""
    if not loc:
        return ""
    name = str(loc[0])
    field = Settings.model_fields.get(name)
    if field is not None and field.alias is not None:
        return field.alias
    return name if name.isupper() else f"CUEPOINT_{name.upper()}"
