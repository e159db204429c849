"""The composition root: settings in, services out. core/vendors.py has the adapters."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from core.answering import Answering
from core.config import Settings
from core.cost import server_of
from core.cost.budgets import Budgets
from core.cost.pricing import Prices
from core.cost.service import Costs
from core.datasets import Datasets
from core.documents import trace_document
from core.drift.daily import Daily, daily_report
from core.drift.notifier import Notifier
from core.drift.order import order_line
from core.drift.schedule import teller
from core.drift.service import Drift
from core.drift.worker import DriftWorker
from core.exact_index import ExactIndex
from core.health import Probe
from core.ingestion import Ingestor
from core.lab.chats import LabModels
from core.lab.service import Lab
from core.lab.wiring import lab_of
from core.late_index import LateIndex
from core.ledger import Ledger, LibraryVideo, TraceStore, open_ledger
from core.library import IndexSync
from core.mirror.service import Mirroring
from core.mirror.worker import MirrorWorker
from core.models import LibraryStats, ServiceHealth, Transcript
from core.ports import ChatModel, Embedder, TranscriptSource
from core.retrieval import Retriever
from core.sample_traffic.service import SampleTraffic
from core.upkeep import Upkeep
from core.vendors import (
    chat_of,
    chats_of,
    daily_job,
    embedder_of,
    jails_of,
    milvus_of,
    mirror_of,
    model_server_of,
    webhook_of,
    youtube_of,
)
from core.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a page or a command calls. One per process; safe for all threads."""

    settings: Settings
    ledger: Ledger
    retriever: Retriever
    answering: Answering
    ingestor: Ingestor
    upkeep: Upkeep
    mirroring: Mirroring
    datasets: Datasets
    costs: Costs
    prices: Prices
    budgets: Budgets
    sample: SampleTraffic
    lab: Lab
    drift: Drift
    daily: Daily | None
    notifier: Notifier
    probes: tuple[Probe, ...]
    chat: ChatModel | None
    _closing: ExitStack = field(default_factory=ExitStack, repr=False)

    # ------------------------------------------------------------------------------------------------- the process

    def open_app(self) -> None:
        """What the app does at its start, in the background: index, models, unfinished jobs, the demo library.

        Only a library that has never held anything gets the demo: whoever removed it does not want it back.
        """
        self.upkeep.start()
        self.mirroring.open()
        for probe in self.probes:
            probe.start()
        self.ingestor.resume()
        self.lab.resume_all()
        self.prices.resume()
        self.notifier.start()
        if self.daily is not None:
            self.daily.start()
        if self.ledger.library.revision() == 0 and self.ingestor.active() is None:
            self.ingestor.start(["demo"])

    def close(self) -> None:
        """Ends the workers; what they leave unfinished is resumed at the next start. Safe to call twice.

        One that fails keeps none of the others open.
        """
        self._closing.close()

    @property
    def ready(self) -> bool:
        """Whether a search would be answered at once."""
        return self.upkeep.ready

    @property
    def has_chat_model(self) -> bool:
        return self.chat is not None

    def check(self) -> None:
        """Opens and asks everything now, so that ``health`` tells how it stands: for commands."""
        self.upkeep.catch_up()
        for probe in self.probes:
            probe.look()

    def warm_up(self) -> None:
        """Waits for what the first search would wait for, so that its time is that of a search. Raises as a search."""
        self.upkeep.refresh()
        self.probes[0].look()

    def health(self) -> list[ServiceHealth]:
        """One line per service, from what is known: no service is called, so it costs no time."""
        library = ServiceHealth("Ledger", True, self.ledger.url)
        probes = [probe.health() for probe in self.probes]
        return [library, *self.upkeep.health(), *probes, self.mirroring.health()]

    # -------------------------------------------------------------------------------------------------- the library

    @property
    def traces(self) -> TraceStore:
        return self.ledger.traces

    def stats(self) -> LibraryStats:
        return self.ledger.library.stats()

    def channels(self) -> list[tuple[str, int]]:
        """Channel and its number of videos, by name."""
        return self.ledger.library.channels()

    def videos(self) -> list[LibraryVideo]:
        return self.ledger.library.videos()

    def transcript(self, video_id: str) -> Transcript:
        """Raises NotFound."""
        return self.ledger.library.transcript(video_id)

    def remove(self, video_ids: Sequence[str]) -> int:
        """Takes videos out of the library; returns how many there were."""
        return self.ingestor.remove(video_ids)

    def remove_demo(self) -> int:
        """Takes the demo library out; returns how many videos it had."""
        return self.ingestor.remove_demo()


def build_services(
    settings: Settings,
    *,
    embedder: Embedder | None = None,
    chat: ChatModel | None = None,
    source: TranscriptSource | None = None,
) -> Services:
    """The services of these settings. What is given replaces the adapter of the settings.

    Opens the ledger and nothing else: no model is loaded, no server is called. Raises SettingsError, LibraryError.
    """
    embedder = embedder or embedder_of(settings)
    chat = chat or chat_of(settings)
    source = source or youtube_of(settings)
    ledger = open_ledger(settings.ledger_url)
    try:
        return _wire(settings, ledger, embedder, chat, source)
    except BaseException:
        ledger.close()
        raise


def _wire(
    settings: Settings, ledger: Ledger, embedder: Embedder, chat: ChatModel | None, source: TranscriptSource
) -> Services:
    """Milvus Lite keeps the rows and an index in memory searches them; a Milvus server does both."""
    milvus = LateIndex(lambda: milvus_of(settings, embedder))
    durable_sync = IndexSync(ledger.library, milvus, embedder)
    if settings.uses_milvus_lite:
        exact = ExactIndex()
        vocabulary = Vocabulary(ledger.terms, embedder)
        search_sync = IndexSync(ledger.library, exact, embedder)
        upkeep = Upkeep(search_sync, durable=durable_sync, vocabulary=vocabulary, words=exact.vocabulary)
        retriever = Retriever(ledger.library, exact, embedder, vocabulary=vocabulary, refresh=upkeep.refresh)
    else:
        upkeep = Upkeep(durable_sync)
        retriever = Retriever(ledger.library, milvus, embedder, refresh=upkeep.refresh)
    prices = _prices(ledger, settings)
    notifier = Notifier(ledger, webhook_of(settings))
    budgets = Budgets(ledger.budgets, price=prices.cost_of, server=settings.openai_base_url, tell=notifier.notify)
    answering = Answering(
        ledger,
        retriever,
        chat,
        embedder,
        settings,
        chat_by_name=chats_of(settings),
        cost_of=prices.cost_of,
        budgets=budgets,
    )
    ingestor = Ingestor(ledger, embedder, upkeep, source, settings)
    mirroring = Mirroring(ledger, settings, MirrorWorker(settings), lambda: mirror_of(settings))
    models = LabModels(chat, chats_of(settings), model_server_of(settings))
    lab = lab_of(ledger, models, embedder, mirroring, jails_of(settings), price=prices.cost_of, budgets=budgets)
    sample = SampleTraffic(ledger, prices.cost_of, settings.data_dir, order=order_line(settings))
    drift = Drift(ledger, settings, DriftWorker(settings), ended=teller(ledger, notifier))
    daily = daily_report(drift, ledger, settings, daily_job)
    closing = ExitStack()  # the last one is closed first
    close_last = (ledger.close, budgets.close, milvus.close, upkeep.stop, mirroring.close, answering.close)
    close_first = (notifier.close, *([] if daily is None else [daily.close]), drift.close)
    for close in (*close_last, ingestor.close, lab.close, prices.close, sample.close, *close_first):
        closing.callback(close)
    return Services(
        settings=settings,
        ledger=ledger,
        retriever=retriever,
        answering=answering,
        ingestor=ingestor,
        upkeep=upkeep,
        mirroring=mirroring,
        costs=Costs(ledger.spending, ledger.comparison),
        prices=prices,
        budgets=budgets,
        sample=sample,
        lab=lab,
        drift=drift,
        daily=daily,
        notifier=notifier,
        datasets=Datasets(ledger, embedder, settings, ingestor, as_document=trace_document),
        probes=(_embedder_probe(embedder), _chat_probe(chat)),
        chat=chat,
        _closing=closing,
    )


def _prices(ledger: Ledger, settings: Settings) -> Prices:
    server, mirror = server_of(settings.openai_base_url), settings.comet_api_key is not None
    return Prices(ledger.prices, ledger.price_filling, server=server, mirror=mirror)


def _embedder_probe(embedder: Embedder) -> Probe:
    def ask() -> str:
        embedder.embed(["probe"])
        return f"{embedder.identity}, {embedder.dimensions} dimensions"

    return Probe("Embedder", ask, f"{embedder.identity} is loading")


def _chat_probe(chat: ChatModel | None) -> Probe:
    if chat is None:
        return Probe("Chat model", None, "off: Ask quotes the best sentences. Set OPENAI_API_KEY or OPENAI_BASE_URL.")

    def ask() -> str:
        chat.check()
        return chat.name

    return Probe("Chat model", ask, "is being asked")
