"""Sample traffic among traces in memory."""

from __future__ import annotations

from collections.abc import MutableMapping

from core.ledger import SampleState
from core.models import Trace
from core.sample_traffic.behind import Making


class FakeSample:
    """What the ledger's own says, over a dictionary of traces."""

    def __init__(self, rows: MutableMapping[str, Trace]) -> None:
        self._rows = rows
        self.started = 0
        self.under_way: Making | None = None

    def state(self) -> SampleState:
        made = len(self._made())
        return SampleState(traces=made, only=0 < made == len(self._rows))

    def wanted(self) -> bool:
        return not self._rows

    def start(self) -> None:
        self.started += 1
        self.under_way = Making(0.25, 3.0)

    def making(self) -> Making | None:
        return self.under_way

    def remove(self) -> SampleState:
        removed = self.state()
        for trace_id in self._made():
            del self._rows[trace_id]
        return removed

    def _made(self) -> list[str]:
        return [trace.trace_id for trace in self._rows.values() if trace.kind.startswith("sample")]
