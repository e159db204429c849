"""Prompt Lab experiments as experiments of Comet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from core.adapters.comet_client import CometClient
from core.adapters.comet_fields import Fields
from core.adapters.comet_runs import Runs
from core.mirror.cleaning import clean, clean_text, finite
from core.mirror.records import CREATED_FROM, MOST_PARAMETER_CHARS, MOST_TAG_CHARS, flattened, record_id
from core.models import ExperimentRecord, Scalar
from core.plain_text import spreadsheet_cell

TABLE = "runs.csv"
MOST_ROWS = 100_000
MOST_CELL_CHARS = 10_000


class Experiments:
    """Adds experiments, or brings them up to date. Methods raise MirrorError."""

    def __init__(self, client: CometClient, runs: Runs) -> None:
        self._client = client
        self._runs = runs

    def send(self, experiment: ExperimentRecord, workspace: str) -> None:
        """Under its own key; only what Comet does not show yet is written, so a second time adds nothing."""
        key = record_id(experiment.experiment_id)
        self._runs.ensure(key, workspace)
        fields = Fields(self._client, key)
        fields.set_details({"Name": clean_text(experiment.name, MOST_TAG_CHARS), "Created from": CREATED_FROM})
        parameters = {**experiment.parameters, "experiment_id": experiment.experiment_id}
        fields.set_parameters(flattened(clean(parameters, most_chars=MOST_PARAMETER_CHARS)))
        numbers = {name: number for name, value in experiment.metrics.items() if (number := finite(value)) is not None}
        fields.set_metrics(clean(numbers))
        fields.set_tags([CREATED_FROM, *(clean_text(tag, MOST_TAG_CHARS) for tag in experiment.tags if tag)])
        if experiment.columns:
            self._client.upload(key, TABLE, table_of(experiment.columns, experiment.rows), kind="asset")


def table_of(columns: Sequence[str], rows: Sequence[Sequence[Scalar]]) -> bytes:
    """The table as CSV in UTF-8, which Comet shows as one; None is an empty cell, and no cell is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_cell(column) for column in columns])
    writer.writerows([_cell(value) for value in row] for row in rows[:MOST_ROWS])
    return text.getvalue().encode()


def _cell(value: Scalar) -> Scalar:
    cleaned: Scalar = clean(value, most_chars=MOST_CELL_CHARS)
    return spreadsheet_cell(cleaned) if isinstance(cleaned, str) else cleaned
