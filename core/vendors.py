"""The adapter behind each port, by the settings: with the worker processes the only module that names them.

Each is imported when it is first asked for, never by a page that is being drawn: pymilvus takes two seconds, Comet's
packages four.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from functools import lru_cache

from core.config import Settings
from core.drift.daily import Job
from core.errors import SettingsError
from core.ports import ChatModel, Embedder, Jail, Mirror, TranscriptSource, VectorIndex


def webhook_of(settings: Settings) -> Callable[[str], None] | None:
    if settings.webhook_url is None:
        return None
    from core.adapters.webhook import Webhook  # noqa: PLC0415

    return Webhook(settings.webhook_url.get_secret_value()).send


def daily_job(name: str, at: time, ledger_url: str, work: Callable[[datetime], None]) -> Job:
    from core.adapters.dbos_jobs import DailyJob  # noqa: PLC0415

    return DailyJob(name, at, ledger_url, work)


def embedder_of(settings: Settings) -> Embedder:
    from core.adapters.local_embedding import LocalEmbedder  # noqa: PLC0415
    from core.adapters.openai_embedding import OpenAIEmbedder  # noqa: PLC0415

    return OpenAIEmbedder.from_settings(settings) or LocalEmbedder(settings.data_dir / "models")


def chat_of(settings: Settings, model: str | None = None) -> ChatModel | None:
    from core.adapters.openai_compat import OpenAIChat  # noqa: PLC0415

    return OpenAIChat.from_settings(settings, model=model)


def chats_of(settings: Settings) -> Callable[[str], ChatModel] | None:
    """None where no model server is configured."""
    if settings.openai_api_key is None and settings.openai_base_url is None:
        return None

    @lru_cache(maxsize=64)  # each has connections of its own; an experiment goes round its models
    def chosen(name: str) -> ChatModel:
        chat = chat_of(settings, name)
        assert chat is not None  # the settings name a server
        return chat

    return chosen


def jails_of(settings: Settings) -> list[Callable[[], Jail]]:
    """What may hold generated code, the better one first."""
    from core.adapters.bubblewrap import BubblewrapJail  # noqa: PLC0415
    from core.adapters.wasm_sandbox import WasmJail  # noqa: PLC0415

    return [lambda: WasmJail.open(settings.data_dir / "sandbox"), BubblewrapJail.open]


def model_server_of(settings: Settings) -> str:
    return settings.openai_base_url or "https://api.openai.com/v1"


def youtube_of(settings: Settings) -> TranscriptSource:
    from core.adapters.youtube import YouTubeSource  # noqa: PLC0415

    proxy = settings.proxy_url.get_secret_value() if settings.proxy_url else None
    return YouTubeSource(settings.youtube_url, proxy_url=proxy)


def milvus_of(settings: Settings, embedder: Embedder) -> VectorIndex:
    from core.adapters.milvus import MilvusIndex  # noqa: PLC0415  two seconds

    token = settings.milvus_token.get_secret_value() if settings.milvus_token else None
    return MilvusIndex(
        settings.effective_milvus_uri, token, embedder_identity=embedder.identity, dimensions=embedder.dimensions
    )


def mirror_of(settings: Settings) -> Mirror:
    """For commands; the app's worker process opens its own. Raises SettingsError."""
    from core.adapters.comet import CometMirror  # noqa: PLC0415  its packages take seconds, at its first call

    mirror = CometMirror.from_settings(settings)
    if mirror is None:
        raise SettingsError("There is no COMET_API_KEY", subject="COMET_API_KEY", hint="Set it to a key of Comet.")
    return mirror
