"""A mirror in memory that keeps what it is told, as Comet does, and fails as a test wants it to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.errors import MirrorError, MirrorKeyRejected, MirrorRefused, MirrorUnreachable
from core.models import ExperimentRecord, MirroredTrace, MirrorRecord, MirrorThumb
from core.ports import DatasetFiles


@dataclass(frozen=True)
class Fault:
    """How a call fails. ``commits``: what was asked for is done all the same."""

    error: BaseException
    commits: bool = False


DOWN = Fault(MirrorUnreachable("Comet refuses the connection", unsure=False))
BUSY = Fault(MirrorUnreachable("Comet asks to wait", unsure=False, retry_after_s=42.0))
ERROR = Fault(MirrorUnreachable("Comet failed with status 500", unsure=True))
LOST_ANSWER = Fault(MirrorUnreachable("Comet did not answer in time", unsure=True), commits=True)
KEY = Fault(MirrorKeyRejected("Comet rejects the key", hint="Check COMET_API_KEY."))

Failing = Callable[[str, tuple[str, ...]], Fault | None]
"""Name of the call and the ids it concerns -> how it fails."""


class MemoryMirror:
    """``core.ports.Mirror``. Each record counts how often it was created; a thumb's values are only ever added to."""

    def __init__(self, failing: Failing = lambda _call, _ids: None) -> None:
        self.failing = failing
        self.records: dict[str, MirrorRecord] = {}
        self.created: Counter[str] = Counter()
        self.thumbs: dict[str, list[MirrorThumb]] = {}
        self.experiments: dict[str, ExperimentRecord] = {}
        self.datasets: dict[str, DatasetFiles] = {}
        self.refuses: dict[str, str] = {}
        """Id -> why it is not taken, also in a batch."""
        self.pages: list[list[MirroredTrace]] = []
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.closed = False

    def called(self, name: str) -> list[tuple[str, ...]]:
        """The ids of each call of that name."""
        return [ids for call, ids in self.calls if call == name]

    def check(self) -> str:
        self._do("check", (), lambda: None)
        return "team/answers"

    def send(self, records: Sequence[MirrorRecord]) -> list[MirrorError | None]:
        outcomes: list[MirrorError | None] = []
        self._do("send", tuple(record.id for record in records), lambda: outcomes.extend(map(self._add, records)))
        return outcomes

    def _add(self, record: MirrorRecord) -> MirrorError | None:
        if record.id in self.refuses:
            return MirrorRefused(self.refuses[record.id], subject=record.id)
        self.records[record.id] = record
        self.created[record.id] += 1
        return None

    def replace(self, record: MirrorRecord) -> None:
        self._do("replace", (record.id,), lambda: self._replace(record))

    def _replace(self, record: MirrorRecord) -> None:
        assert record.id in self.records, "only what is there can be replaced"
        self.records[record.id] = record

    def holds(self, record_id: str) -> bool:
        self._do("holds", (record_id,), lambda: None)
        return record_id in self.records or record_id in self.experiments

    def send_thumb(self, thumb: MirrorThumb, *, unsure: bool) -> None:
        self._do("send_thumb", (thumb.id, "unsure" if unsure else "sure"), lambda: self._thumb(thumb, unsure=unsure))

    def _thumb(self, thumb: MirrorThumb, *, unsure: bool) -> None:
        assert thumb.id in self.records, "a thumb comes after its record"
        told = self.thumbs.setdefault(thumb.id, [])
        if not (unsure and told and told[-1] == thumb):
            told.append(thumb)

    def send_experiment(self, experiment: ExperimentRecord) -> None:
        key = experiment.experiment_id
        self._do("send_experiment", (key,), lambda: self.experiments.update({key: experiment}))

    def send_dataset(self, dataset: DatasetFiles) -> None:
        key = dataset.version
        self._do("send_dataset", (key,), lambda: self.datasets.setdefault(key, dataset))

    def read_back(self, since: datetime | None) -> Iterator[list[MirroredTrace]]:
        for page in self.pages:
            kept = [trace for trace in page if since is None or trace.started_at >= since]
            self._do("read_back", tuple(trace.record_id for trace in kept), lambda: None)
            yield [replace(trace) for trace in kept]

    def close(self) -> None:
        self.closed = True

    def _do(self, call: str, ids: tuple[str, ...], done: Callable[[], object]) -> None:
        self.calls.append((call, ids))
        fault = self.failing(call, ids)
        if fault is None or fault.commits:
            done()
        if fault is not None:
            raise fault.error
