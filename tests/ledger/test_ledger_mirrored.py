"""What was read back from a mirror."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select

from core.ledger import Ledger
from core.ledger.schema import mirrored_traces
from core.models import MirroredTrace, Usage
from tests.ledger.samples import NASTY, START, Ticking

OURS = MirroredTrace(
    "a" * 32, "trace-1", "answer", "ask", START, "ada", "answer", "gpt-x", Usage(1, 2, 3, 4), 5, 0.25, 812.5, -1
)
FOREIGN = MirroredTrace("b" * 32, None, "chain", "", START - timedelta(days=3))


def held(ledger: Ledger) -> list[dict[str, Any]]:
    query = select(mirrored_traces).order_by(mirrored_traces.c.record_id)
    with ledger._database.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def test_before_anything_was_read_there_is_nothing(ledger):
    assert (ledger.mirrored.count(), ledger.mirrored.newest(), ledger.mirrored.read_at()) == (0, None, None)
    assert ledger.mirrored.put([]) == 0
    assert ledger.mirrored.read_at() is None


def test_records_are_kept_with_all_that_was_told_of_them(ledger):
    assert ledger.mirrored.put([OURS, FOREIGN]) == 2
    ours, foreign = held(ledger)
    assert ours == {
        "record_id": "a" * 32,
        "trace_id": "trace-1",
        "name": "answer",
        "kind": "ask",
        "started_at": START,
        "day": START.date(),
        "user": "ada",
        "template": "answer",
        "model": "gpt-x",
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "cached_tokens": 3,
        "reasoning_tokens": 4,
        "total_tokens": 5,
        "cost_usd": 0.25,
        "latency_ms": 812.5,
        "feedback": -1,
        "read_at": START,
    }
    unknown = ("trace_id", "model", "prompt_tokens", "total_tokens", "cost_usd", "latency_ms", "feedback")
    assert [foreign[name] for name in unknown] == [None] * len(unknown)


def test_a_record_that_is_read_again_is_brought_up_to_date(ledger, clock: Ticking):
    ledger.mirrored.put([OURS, FOREIGN])
    clock.forward(hours=1)
    assert ledger.mirrored.put([replace(OURS, feedback=1, cost_usd=None), replace(OURS, feedback=0)]) == 1
    assert ledger.mirrored.count() == 2
    assert (held(ledger)[0]["feedback"], held(ledger)[0]["cost_usd"]) == (0, 0.25)
    assert ledger.mirrored.newest() == START
    assert ledger.mirrored.read_at() == START + timedelta(hours=1)


def test_what_the_mirror_does_not_hold_any_more_is_forgotten(ledger):
    long = replace(FOREIGN, record_id=NASTY * 50)
    ledger.mirrored.put([OURS, FOREIGN, long])
    assert ledger.mirrored.keep_only([long.record_id, OURS.record_id, "another"]) == 1
    assert len(held(ledger)) == 2
    assert FOREIGN.record_id not in {row["record_id"] for row in held(ledger)}
    assert ledger.mirrored.keep_only([]) == 2
    assert ledger.mirrored.keep_only([]) == 0


def test_what_was_read_can_be_forgotten(ledger):
    ledger.mirrored.put([OURS])
    ledger.mirrored.clear()
    assert ledger.mirrored.count() == 0


def test_any_text_of_another_program_is_kept(ledger):
    ledger.mirrored.put([MirroredTrace(NASTY, NASTY, NASTY, NASTY, START, NASTY, NASTY, NASTY)])
    (row,) = held(ledger)
    assert {row[name] for name in ("record_id", "trace_id", "name", "kind", "user", "template", "model")} == {NASTY}


def test_names_of_any_length_are_kept_apart(ledger):
    """Longer than an index entry of PostgreSQL may be, and not to be packed."""
    long = "".join(chr(0x4E00 + (n * 7919) % 20_000) for n in range(50_000))
    ledger.mirrored.put([replace(OURS, record_id=long + end, trace_id=long, model=long, name=long) for end in "ab"])
    first, second = held(ledger)
    assert first["record_id"] != second["record_id"]
    assert first["model"] == second["model"]
    assert first["model"].startswith(long[:100])


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_was_not_measured(ledger, number):
    ledger.mirrored.put([replace(OURS, cost_usd=number, latency_ms=number)])
    assert (held(ledger)[0]["cost_usd"], held(ledger)[0]["latency_ms"]) == (None, None)


def test_a_count_or_a_thumb_that_cannot_be_is_left_out(ledger):
    ledger.mirrored.put([replace(OURS, usage=Usage(-1, 2**80), total_tokens=10**30, feedback=10**12)])
    (row,) = held(ledger)
    assert [row[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens", "feedback")] == [None] * 4


def test_the_day_is_that_of_utc(ledger):
    late = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    ledger.mirrored.put([replace(OURS, started_at=late)])
    (row,) = held(ledger)
    assert row["day"] == datetime(2026, 2, 28, tzinfo=UTC).date()
    assert ledger.mirrored.newest() == late
