"""Traffic as a table."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from core.documents import trace_document
from core.drift.rows import FACTS, KINDS, document_rows, period_rows
from core.drift.windows import Period
from core.ledger import Ledger, open_ledger
from core.models import Feedback
from tests.ledger.samples import START, trace

PERIOD = Period(START, START + timedelta(days=1))


@pytest.fixture
def ledger(tmp_path: Path):
    opened = open_ledger(f"sqlite:///{tmp_path / 'cuepoint.db'}")
    yield opened
    opened.close()


def test_a_window_of_the_ledger_has_a_row_a_trace(ledger: Ledger):
    ledger.traces.finish_all(
        [trace("t1"), trace("t2", template="", passages=(), answer_changes={"claims": ()})], mirror=False
    )
    ledger.traces.save_feedback(Feedback("t1", 1), mirror=False)
    table = period_rows(ledger, PERIOD)
    assert list(table.columns) == [*FACTS, *KINDS]
    first, second = table.to_dict("records")
    assert (first["question_chars"], first["template"], first["feedback"]) == (17, "answer v3", "up")
    assert (first["top_score"], first["unsupported"]) == (0.75, 1)
    assert second["feedback"] == "none"
    assert pd.isna([second["template"], second["top_score"], second["unsupported"]]).all()


def test_a_window_without_traces_is_an_empty_table_of_the_same_columns(ledger: Ledger):
    assert list(period_rows(ledger, PERIOD).columns) == [*FACTS, *KINDS]


def test_a_saved_version_gives_the_same_table_but_for_the_claims_that_it_does_not_have(ledger: Ledger):
    ledger.traces.finish_all([trace("t1"), trace("t2", passages=())], mirror=False)
    ledger.traces.save_feedback(Feedback("t2", -1), mirror=False)
    live = period_rows(ledger, PERIOD).drop(columns=["unsupported", "started_at"])
    documents = [trace_document(ledger.traces.get(name)) for name in ("t1", "t2")]
    saved = document_rows(documents).drop(columns=["unsupported", "started_at"])
    pd.testing.assert_frame_equal(live, saved, check_dtype=False)
