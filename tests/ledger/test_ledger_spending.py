"""Sums of what was spent, held against plain Python; and the ledger beside the mirror, trace by trace."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.cost.report import By
from core.cost.service import Costs
from core.cost.zones import first_moment
from core.errors import InputError
from core.ledger import Difference, Ledger, Settled, Source, TraceFilter
from core.ledger.outbox_rows import TRACE
from core.ledger.rollups import rolled
from core.ledger.schema import feedback
from core.ledger.statements import put
from core.models import Answer, AnswerStatus, Feedback, MirroredTrace, Trace, Usage
from tests.fakes.spending import has_ended, name_of, plain_tally
from tests.ledger.samples import NASTY, START, Ticking

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago"]
CHANGES = [datetime(2026, *when, tzinfo=UTC) for when in [(3, 29, 1), (10, 25, 1), (9, 6, 4), (4, 4, 15)]]
"""When clocks change."""


def any_trace(pick: random.Random, n: int) -> Trace:
    """A trace within two days of a change of clocks, often at the edge of a day."""
    model = pick.choice(["gpt-4o-mini", "gpt-4.1", "llama", NASTY, None])
    counts = Usage(*(pick.choice([None, 0, pick.randrange(9000)]) for _ in range(4))) if model else Usage()
    cost = pick.choice([None, 0.0, pick.random() / 100]) if model else None
    status = pick.choice([AnswerStatus.ANSWERED, AnswerStatus.QUOTED, AnswerStatus.ABANDONED, AnswerStatus.RUNNING])
    begun = pick.choice(CHANGES) + timedelta(minutes=15 * pick.randrange(-192, 192))
    begun += pick.choice([timedelta(0), timedelta(microseconds=-1), timedelta(seconds=pick.random() * 900)])
    answer = Answer(f"t{n}", status, "", "en", model=model, usage=counts, cost_usd=cost, cached=pick.random() < 0.2)
    thumb = pick.choice([None, None, -1, 0, 1])
    given = None if thumb is None else Feedback(f"t{n}", thumb)
    kind, template, user = pick.choice(["ask", "lab"]), pick.choice(["", "cited"]), pick.choice(["", "ada", "Ö"])
    return Trace(f"t{n}", kind, begun, "?", (), answer, user=user, template=template, feedback=given)


@pytest.fixture
def spent(ledger: Ledger) -> list[Trace]:
    pick = random.Random(7)
    traces = [any_trace(pick, n) for n in range(600)]
    ledger.traces.finish_all(traces, mirror=False)
    empty = {"reason": "", "comment": "", "correction": "", "updated_at": START}
    thumbs = [{"trace_id": t.trace_id, "value": t.feedback.value, **empty} for t in traces if t.feedback]
    with ledger._database.write() as connection, rolled(connection, [thumb["trace_id"] for thumb in thumbs]):
        put(connection, feedback, thumbs)
    return traces


@pytest.fixture
def costs(ledger: Ledger) -> Costs:
    return Costs(ledger.spending, ledger.comparison)


@pytest.mark.parametrize("zone", ZONES)
def test_every_sum_of_a_report_is_that_of_plain_python(costs: Costs, spent: list[Trace], zone: str) -> None:
    for by in By:
        report = costs.report(by=by, zone=ZoneInfo(zone))
        key = None if by is By.DAY else str(by)
        groups: dict[tuple[date, str | None], list[Trace]] = {}
        for trace in filter(has_ended, spent):
            day = trace.started_at.astimezone(ZoneInfo(zone)).date()
            groups.setdefault((day, name_of(trace, key)), []).append(trace)
        found = {(cell.day, cell.name): cell.tally for cell in report.cells}
        assert found == {place: plain_tally(some) for place, some in groups.items()}
        assert report.total == plain_tally(spent)
        assert {row.key for row in report.rows()} == {day if by is By.DAY else name for day, name in groups}


def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(costs: Costs, spent: list[Trace]) -> None:
    pick = random.Random(3)
    for _ in range(20):
        since, until = sorted(trace.started_at for trace in pick.sample(spent, 2))
        if since == until:
            continue
        inside = [trace for trace in spent if since <= trace.started_at < until]
        report = costs.report(since=since, until=until, by=By.USER, zone=ZoneInfo("Europe/Berlin"))
        assert report.total == plain_tally(inside)


def test_every_cell_of_a_report_can_be_opened_as_a_list_of_traces(
    costs: Costs, ledger: Ledger, spent: list[Trace]
) -> None:
    zone = ZoneInfo("America/New_York")
    for by in (By.MODEL, By.USER, By.TEMPLATE, By.KIND):
        for cell in costs.report(by=by, zone=zone).cells[::7]:
            since, until = (first_moment(cell.day + timedelta(days=n), zone) for n in (0, 1))
            where = TraceFilter(since, until, **{str(by): cell.name or ""})
            still = replace(where, status=AnswerStatus.RUNNING)
            assert ledger.traces.count(where) - ledger.traces.count(still) == cell.tally.calls


@pytest.mark.parametrize("by", list(By))
def test_what_has_no_price_is_named_by_its_model_with_its_tokens(costs: Costs, spent: list[Trace], by: By) -> None:
    tallies = {
        model: plain_tally(trace for trace in spent if trace.answer.model == model)
        for model in {trace.answer.model for trace in spent}
    }
    expected = {
        model: (one.unpriced_calls, one.unpriced_tokens) for model, one in tallies.items() if one.unpriced_calls
    }
    found = costs.report(by=by).unpriced
    assert {row.key: (row.tally.unpriced_calls, row.tally.unpriced_tokens) for row in found} == expected
    tokens = [row.tally.unpriced_tokens for row in found]
    assert tokens == sorted(tokens, reverse=True)


def test_an_empty_ledger_has_an_empty_report_that_cost_nothing(costs: Costs) -> None:
    report = costs.report(by=By.MODEL)
    assert (report.cells, report.unpriced, report.total.cost_usd) == ((), (), 0.0)
    assert costs.compare().differences == ()


def test_a_period_that_ends_before_it_begins_is_refused(costs: Costs) -> None:
    for ask in (costs.report, costs.compare):
        with pytest.raises(InputError, match="ends before it begins"):
            ask(since=START, until=START)


def test_traces_of_any_year_have_their_day(costs: Costs, ledger: Ledger) -> None:
    """Clocks are wrong at times: neither the first nor the last year of the calendar breaks a report."""
    moments = [datetime(1, 1, 5, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 27, tzinfo=UTC)]
    for n, moment in enumerate(moments):
        ledger.traces.finish(priced(f"t{n}", begun=moment), mirror=False)
    report = costs.report(zone=ZoneInfo("Asia/Tokyo"))
    assert [cell.day for cell in report.cells] == [date(1, 1, 5), date(1970, 1, 1), date(9999, 12, 27)]


def test_the_sums_read_the_rollups_by_their_key_and_no_row_of_the_traces(ledger: Ledger) -> None:
    """Rows hold prompts and passages: reading them would take a hundred times as long."""
    if not ledger.url.startswith("sqlite"):
        pytest.skip("the plan is SQLite's")
    ledger.traces.finish_all([replace(priced(f"t{n}"), user=f"user {n}") for n in range(3)], mirror=False)
    statements: list[str] = []
    with ledger._database.read() as connection:
        connection.connection.dbapi_connection.set_trace_callback(statements.append)  # type: ignore[union-attr]
    period = (START - timedelta(days=90, seconds=7), START + timedelta(minutes=1))
    ledger.spending.breakdown(Source.LEDGER, [period], "user", most=2)
    plans = [plan_of(ledger, statement) for statement in statements if "sum(" in statement]
    by_key = "SEARCH r USING PRIMARY KEY (sample=? AND dimension=? AND level=? AND slot"
    by_index = "SEARCH traces USING COVERING INDEX ix_traces_spending (started_at>? AND started_at<?)"
    assert [by_key in plan for plan in plans] == [True, False] * 3, plans
    assert [by_index in plan for plan in plans] == [False, True] * 3, plans
    assert not any("SCAN traces" in plan or "SCAN r " in plan for plan in plans)


def plan_of(ledger: Ledger, statement: str) -> str:
    with ledger._database.read() as connection:
        return "; ".join(row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}"))


# ------------------------------------------------------------------------------------------------- beside the mirror


def priced(
    trace_id: str, *, kind: str = "ask", begun: datetime = START, cost: float = 0.25, tokens: int = 100
) -> Trace:
    answer = Answer(trace_id, AnswerStatus.ANSWERED, "", "en", model="gpt-4o", usage=Usage(tokens, 10), cost_usd=cost)
    return Trace(trace_id, kind, begun, f"Question {trace_id}?", (), answer)


def record_of(trace: Trace, **changes: object) -> MirroredTrace:
    answer = trace.answer
    record = MirroredTrace(
        f"record-{trace.trace_id}", trace.trace_id, trace.kind, trace.kind, trace.started_at, model=answer.model,
        usage=answer.usage, cost_usd=answer.cost_usd,
    )  # fmt: skip
    return replace(record, **changes)


def send(ledger: Ledger, trace_id: str, state: str) -> None:
    """Puts a trace's row of the outbox into a state, as a sender would."""
    assert ledger.outbox.take_lease()
    row = ledger.outbox.row(TRACE, trace_id)
    ledger.outbox.begin([row])
    ledger.outbox.settle([Settled(row, state, error=None if state == "sent" else "no")])


@pytest.fixture
def both(ledger: Ledger, clock: Ticking) -> Ledger:
    """One trace or record of every kind of difference, or two."""
    names = ["same", "tokens", "cost", "text", "late", "waiting", "refused", "missing"]
    for n, name in enumerate(names):
        ledger.traces.finish(priced(name, begun=START + timedelta(minutes=n)), mirror=True)
    for name in ("same", "tokens", "cost", "text", "missing"):
        send(ledger, name, "sent")
    send(ledger, "refused", "dead")
    ledger.traces.finish(priced("old", begun=START), mirror=False)
    ledger.traces.finish(priced("sample", kind="sample-ask", begun=START), mirror=False)
    clock.forward(minutes=10)
    ledger.mirrored.put([
        record_of(priced("same", begun=START + timedelta(microseconds=-400))),
        record_of(priced("tokens", begun=START), usage=Usage(None, None), total_tokens=111),
        record_of(priced("cost", begun=START), cost_usd=None),
        record_of(priced("text", begun=START), cost_usd=float("0.2500000001")),
        record_of(priced("of another ledger", begun=START), cost_usd=1.5),
        MirroredTrace("bot-1", None, "billing bot", "llm", START, total_tokens=900),
        MirroredTrace("bot-2", None, "billing bot", "llm", START + timedelta(hours=1), model="m", cost_usd=0.125),
    ])  # fmt: skip
    clock.forward(minutes=10)
    send(ledger, "late", "sent")
    return ledger


def test_every_trace_and_record_is_in_one_kind_of_difference(both: Ledger, costs: Costs) -> None:
    found = costs.compare(since=START, until=START + timedelta(days=1))
    assert {one.kind: (one.count, one.ledger_usd, one.mirror_usd) for one in found.differences} == {
        Difference.NONE: (2, 0.5, 0.5000000001),
        Difference.TOKENS: (1, 0.25, 0.25),
        Difference.COST: (1, 0.25, None),
        Difference.WAITING: (1, 0.25, 0.0),
        Difference.REFUSED: (1, 0.25, 0.0),
        Difference.UNQUEUED: (1, 0.25, 0.0),
        Difference.SAMPLE: (1, 0.25, 0.0),
        Difference.UNREAD: (1, 0.25, 0.0),
        Difference.MISSING: (1, 0.25, 0.0),
        Difference.FOREIGN: (2, 0.0, 0.125),
        Difference.ELSEWHERE: (1, 0.0, 1.5),
    }
    unpriced = {one.kind: (one.ledger_unpriced, one.mirror_unpriced) for one in found.differences}
    assert (unpriced[Difference.COST], unpriced[Difference.FOREIGN]) == ((0, 1), (0, 1))
    assert unpriced[Difference.WAITING] == (0, 0)
    tokens = {one.kind: (one.ledger_tokens, one.mirror_tokens) for one in found.differences}
    assert (tokens[Difference.TOKENS], tokens[Difference.FOREIGN]) == ((110, 111), (0, 900))
    assert found.ledger_usd == costs.report(since=START).total.known_usd
    assert found.mirror_usd == pytest.approx(costs.report(source=Source.MIRROR).total.known_usd)


def test_examples_name_the_trace_and_the_record(both: Ledger, costs: Costs) -> None:
    period = {"since": START, "until": START + timedelta(days=1)}
    for one in costs.compare(**period).differences:
        assert len(costs.examples(one.kind, **period)) == one.count
    (tokens,) = costs.examples(Difference.TOKENS, **period)
    assert (tokens.trace_id, tokens.record_id, tokens.title) == ("tokens", "record-tokens", "Question tokens?")
    assert (tokens.ledger_tokens, tokens.mirror_tokens, tokens.ledger_usd) == (110, 111, 0.25)
    (waiting,) = costs.examples(Difference.WAITING, **period)
    assert (waiting.record_id, waiting.mirror_usd, waiting.mirror_tokens) == (None, None, None)
    newest, _ = costs.examples(Difference.FOREIGN, **period)
    assert (newest.trace_id, newest.record_id, newest.title) == (None, "bot-2", "billing bot")
    assert len(costs.examples(Difference.FOREIGN, limit=1)) == 1


def test_before_anything_was_read_back_what_was_delivered_is_unread(ledger: Ledger, costs: Costs) -> None:
    ledger.traces.finish(priced("t"), mirror=True)
    assert [one.kind for one in costs.compare().differences] == [Difference.WAITING]
    send(ledger, "t", "sent")
    assert [one.kind for one in costs.compare().differences] == [Difference.UNREAD]


def test_what_is_being_answered_is_no_difference_and_in_no_sum(ledger: Ledger, costs: Costs) -> None:
    answer = Answer("t", AnswerStatus.RUNNING, "", "en")
    ledger.traces.begin(Trace("t", "ask", START, "?", (), answer))
    assert costs.compare().differences == ()
    assert costs.report().total.calls == 0


def test_a_report_of_the_mirror_sums_what_was_read_back(both: Ledger, costs: Costs) -> None:
    report = costs.report(source=Source.MIRROR, by=By.MODEL)
    total = report.total
    assert (total.calls, total.known_usd, total.priced_calls) == (7, pytest.approx(2.3750000001), 5)
    assert (total.unpriced_calls, total.unpriced_tokens, total.other_tokens) == (2, 110 + 900, 111 + 900)
    assert [(row.key, row.tally.unpriced_calls) for row in report.unpriced] == [(None, 1), ("gpt-4o", 1)]
