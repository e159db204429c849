"""All parts of a sample together. Pure."""

from __future__ import annotations

from datetime import datetime
from random import Random

from core.ledger import SampleBatch
from core.sample_traffic.behind import Tell, silent
from core.sample_traffic.experiment import SET_NAME, cases, experiment
from core.sample_traffic.model_call import CostOf
from core.sample_traffic.reports import reports
from core.sample_traffic.traffic import made_traces


def made_batch(
    rng: Random, questions: int, days: int, now: datetime, cost_of: CostOf, *, tell: Tell = silent
) -> SampleBatch:
    """So many questions of the last days with their answers, an experiment with its test set, and drift reports."""
    traces = made_traces(rng, questions, days, now, cost_of, tell=tell)
    tried, results = experiment(rng, now, cost_of)
    return SampleBatch(
        traces=traces,
        set_name=SET_NAME,
        cases=cases(),
        experiment=tried,
        results=results,
        reports=reports(rng, traces, days, now),
    )
