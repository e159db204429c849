"""What is sent of a row of the outbox: made from the ledger, or from the row's own (perhaps mended) document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from core.ledger import Ledger, OutboxRow
from core.mirror.documents import dataset_from, experiment_from, thumb_from
from core.mirror.records import from_document, record_id, thumb_of, trace_record
from core.models import ExperimentRecord, Feedback, MirrorRecord, MirrorThumb, Trace
from core.ports import DatasetFiles
from core.prompts import TEMPLATES


class Parcels:
    """Makes them one at a time, so that only what is being sent is in memory.

    Every method raises LibraryError, NotFound where the trace is gone, InputError where a document cannot be used, and
    whatever odd data may bring about.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def record(self, row: OutboxRow) -> MirrorRecord:
        """Of a trace. A mended one goes under the trace's own id, whatever it says."""
        if row.document is not None:
            return replace(from_document(row.document), id=record_id(row.id))
        trace = self._ledger.traces.get(row.id)
        return trace_record(trace, template_text=template_text(trace))

    def thumb(self, row: OutboxRow) -> MirrorThumb:
        """Of a trace's feedback; one taken back where the ledger has none (any more)."""
        if row.document is not None:
            return thumb_from(row.document, record_id(row.id))
        feedback = self._ledger.traces.get(row.id).feedback
        return thumb_of(feedback or Feedback(row.id, 0))

    @staticmethod
    def experiment(row: OutboxRow) -> ExperimentRecord:
        return experiment_from(row.document)

    @staticmethod
    def dataset(row: OutboxRow) -> DatasetFiles:
        return dataset_from(row.document)


def template_text(trace: Trace) -> Mapping[str, str] | None:
    """The text of the trace's template by role, where this program has that version of it."""
    template = TEMPLATES.get(trace.template)
    if template is None or template.version != trace.template_version:
        return None
    return {"system": template.system, "user": template.user}
