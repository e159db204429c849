"""Own prices in the ledger, and the costs that they fill in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import text

from core.errors import InputError, NotFound
from core.ledger import Ledger, NewPrice, PriceChange, PriceScope, RunResult, Source, price_filling
from core.models import AnswerStatus, Run, RunState, Trace, Usage
from tests.ledger.samples import NASTY, START, Ticking, answer, trace
from tests.ledger.workers import Workers

HOST = "models.example:8000"
NEW = NewPrice("gpt-x", HOST, START, 1.0, 2.0, 0.5, None)
SCOPE = PriceScope("gpt-x", HOST, START, None)
USAGE = Usage(1000, 100, 0, 0)


def per_token(model: str, usage: Usage, _when: datetime, server: str) -> float | None:
    """A dollar for a thousand tokens of gpt-x and its kin at one server."""
    known = model.startswith("gpt-x") and server == HOST and usage.completion_tokens is not None
    return ((usage.prompt_tokens or 0) + (usage.completion_tokens or 0)) / 1000 if known else None


def unpriced(trace_id: str, *, cost_usd: float | None = None, usage: Usage = USAGE, **changes: Any) -> Trace:
    named = {name: changes.pop(name) for name in ("model", "status", "cached") if name in changes}
    given: dict[str, Any] = {"usage": usage, "cost_usd": cost_usd, "cached": False} | named
    return trace(trace_id, answer_changes=given, **changes)


def keep(ledger: Ledger, price: NewPrice = NEW, **changes: Any) -> str:
    given = {"author": "ada", "note": NASTY, "reprice": False, "any_server": False} | changes
    return ledger.prices.add(price, **given).price_id  # type: ignore[arg-type]


def fill(
    ledger: Ledger, scope: PriceScope | None = SCOPE, *, priced: bool = False, mirror: bool = False
) -> PriceChange:
    portions = ledger.price_filling.fill(scope, per_token, priced=priced, mirror=mirror)
    return sum(portions, PriceChange())


def cost(ledger: Ledger, trace_id: str) -> float | None:
    return ledger.traces.get(trace_id).answer.cost_usd


def check_sums(ledger: Ledger) -> None:
    """What reports add up is what the traces say."""
    costs = [one.answer.cost_usd for one in ledger.traces.list() if not one.kind.startswith("sample")]
    found = ledger.spending.tallies(Source.LEDGER, [(START - timedelta(days=900), START + timedelta(days=900))])
    total = sum((one.tally for one in found[1:]), found[0].tally)
    assert total.known_usd == pytest.approx(sum(usd for usd in costs if usd is not None))
    assert total.priced_calls == sum(usd is not None for usd in costs)


# ---------------------------------------------------------------------------------------------------------- the list


def test_a_price_reads_back_as_it_was_added(ledger: Ledger, clock: Ticking) -> None:
    price = replace(NEW, model=NASTY.strip(), reasoning_usd=3.0)
    kept = ledger.prices.get(keep(ledger, price, reprice=True))
    assert (kept.model, kept.server, kept.since) == (price.model, HOST, START)
    assert (kept.input_usd, kept.output_usd, kept.cached_usd, kept.reasoning_usd) == (1.0, 2.0, 0.5, 3.0)
    assert (kept.author, kept.note, kept.added_at, kept.reprice) == ("ada", NASTY, clock.now, True)
    assert kept.in_force
    assert kept.filled_at is None


def test_two_prices_of_one_model_server_and_start_are_refused_and_named(ledger: Ledger) -> None:
    keep(ledger)
    with pytest.raises(InputError, match=r"price of gpt-x on models\.example:8000 from 2026-11-24 08:00 UTC") as error:
        keep(ledger, replace(NEW, input_usd=9.0))
    assert error.value.subject == "since"
    for other in ({"model": "gpt-y"}, {"server": "localhost"}, {"since": START + timedelta(seconds=1)}):
        keep(ledger, replace(NEW, **other))  # type: ignore[arg-type]
    assert len(ledger.prices.list()) == 4


def test_a_withdrawn_price_stays_in_the_history_and_makes_room(ledger: Ledger, clock: Ticking) -> None:
    first = keep(ledger)
    clock.forward(hours=1)
    ledger.prices.withdraw(first, author="bob", reprice=False)
    gone = ledger.prices.get(first)
    assert (gone.in_force, gone.withdrawn_at, gone.withdrawn_by) == (False, clock.now, "bob")
    clock.forward(hours=1)
    second = keep(ledger)
    assert [kept.price_id for kept in ledger.prices.list()] == [second, first]
    with pytest.raises(InputError, match="was withdrawn before"):
        ledger.prices.withdraw(first, author="eve", reprice=True)
    assert ledger.prices.get(first).withdrawn_by == "bob"


def test_an_unknown_price_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="no price abc"):
        ledger.prices.withdraw("abc", author="", reprice=False)


def test_each_change_of_what_is_in_force_gives_a_new_revision(ledger: Ledger) -> None:
    seen = [ledger.prices.revision()]
    key = keep(ledger)
    seen.append(ledger.prices.revision())
    ledger.prices.filled(ledger.prices.get(key))
    assert ledger.prices.revision() == seen[-1]
    ledger.prices.withdraw(key, author="", reprice=False)
    seen.append(ledger.prices.revision())
    assert len(set(seen)) == 3


# --------------------------------------------------------------------------------------------------- filling costs in

LEFT_ALONE = {
    "priced already": {"cost_usd": 0.125},
    "another model": {"model": "gpt-z"},
    "a longer name": {"model": "gpt-x-mini"},
    "another server": {"server": "localhost:8000"},
    "an unknown server": {"server": ""},
    "before the price": {"started_at": START - timedelta(microseconds=1)},
    "a cached answer": {"cached": True},
    "no tokens counted": {"usage": Usage()},
    "half of the tokens counted": {"usage": Usage(1000, None)},
    "made up": {"kind": "sample-ask"},
    "still running": {"status": AnswerStatus.RUNNING},
}


@pytest.mark.parametrize("changes", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_only_a_call_without_cost_of_that_model_server_and_time_gets_one(
    ledger: Ledger, changes: dict[str, Any]
) -> None:
    ledger.traces.finish_all([unpriced("it"), unpriced("left", **changes)], mirror=False)
    before = cost(ledger, "left")
    assert fill(ledger) == PriceChange(1, 0, 0.0, 1.1, unpriced=1)
    assert (cost(ledger, "it"), cost(ledger, "left")) == (pytest.approx(1.1), before)
    check_sums(ledger)


def test_a_dated_snapshot_is_of_its_familys_price_and_odd_names_are_no_patterns(ledger: Ledger) -> None:
    names = {"snapshot": "gpt-x-2026-01-31", "percent": "gpt%", "under": "gpt_x", "nasty": NASTY}
    ledger.traces.finish_all([unpriced(key, model=name) for key, name in names.items()], mirror=False)
    assert fill(ledger).traces == 1
    assert cost(ledger, "snapshot") == pytest.approx(1.1)
    for model in ("gpt%", "gpt_x", "\\", NASTY):
        assert fill(ledger, replace(SCOPE, model=model)).traces == 0


def test_the_end_of_a_price_is_kept(ledger: Ledger) -> None:
    times = {"last": timedelta(hours=1, microseconds=-1), "after": timedelta(hours=1)}
    ledger.traces.finish_all([unpriced(key, started_at=START + later) for key, later in times.items()], mirror=False)
    assert fill(ledger, replace(SCOPE, until=START + timedelta(hours=1))).traces == 1
    assert cost(ledger, "after") is None


def test_traces_of_an_unknown_server_follow_where_that_is_chosen(ledger: Ledger) -> None:
    ledger.traces.finish_all([unpriced("old", server=""), unpriced("elsewhere", server="localhost")], mirror=False)
    assert fill(ledger, replace(SCOPE, any_server=True)).traces == 1
    assert cost(ledger, "old") == pytest.approx(1.1)


def test_all_costs_are_worked_out_anew_where_that_is_chosen_but_for_those_of_uncounted_calls(ledger: Ledger) -> None:
    ledger.traces.finish_all(
        [
            unpriced("none"),
            unpriced("other", cost_usd=0.1),
            unpriced("same", cost_usd=1.1),
            unpriced("failed", cost_usd=0.0, usage=Usage()),
            unpriced("no longer known", cost_usd=0.3, model="gpt-y"),
        ],
        mirror=False,
    )
    assert fill(ledger, priced=True) == PriceChange(2, 0, 0.1, pytest.approx(2.2), unpriced=1)  # type: ignore[arg-type]
    assert fill(ledger, replace(SCOPE, model="gpt-y"), priced=True) == PriceChange(1, 0, 0.3, 0.0, lost=1)
    assert [cost(ledger, key) for key in ("same", "failed", "no longer known")] == [1.1, 0.0, None]
    check_sums(ledger)


def test_a_look_tells_what_filling_then_does_and_changes_nothing(ledger: Ledger) -> None:
    ledger.traces.finish_all([unpriced("a"), unpriced("b", cost_usd=0.5)], mirror=True)
    for priced in (False, True):
        told = ledger.price_filling.look(SCOPE, per_token, priced=priced)
        assert ledger.price_filling.reach(SCOPE, priced=priced) == 1 + priced
        assert ledger.price_filling.look(SCOPE, per_token, priced=priced) == told
        assert fill(ledger, priced=priced) == told
        assert fill(ledger, priced=priced) == PriceChange()
    assert told.traces == 1


def test_many_portions_make_one_whole(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_filling, "PORTION", 3)
    some = [unpriced(f"t{n}", started_at=START + timedelta(seconds=n // 5)) for n in range(12)]
    ledger.traces.finish_all(some, mirror=False)
    portions = list(ledger.price_filling.fill(SCOPE, per_token, priced=False, mirror=False))
    assert [portion.traces for portion in portions] == [3, 3, 3, 3]
    check_sums(ledger)


def test_every_trace_without_a_cost_is_filled_where_no_price_is_named(ledger: Ledger) -> None:
    ledger.traces.finish_all(
        [unpriced("a"), unpriced("b", model="gpt-x-2", started_at=START - timedelta(days=800)),
         unpriced("elsewhere", server="localhost"), unpriced("unknown", server=""), unpriced("quotes", model=None)],
        mirror=False,
    )  # fmt: skip
    assert fill(ledger, None).traces == 2
    assert cost(ledger, "b") == pytest.approx(1.1)


def test_the_mirror_hears_of_the_costs_that_change(ledger: Ledger) -> None:
    ledger.traces.finish_all([unpriced("told"), unpriced("priced", cost_usd=1.0)], mirror=False)
    assert fill(ledger, mirror=True).traces == 1
    assert [(row.kind, row.id) for row in ledger.outbox.due(10)] == [("trace", "told")]


# -------------------------------------------------------------------------------------------------- runs of the lab


def run_of(position: int, *, model: str = "gpt-x", **changes: Any) -> Run:
    made = Run(position, "a", 3, model, 0.25, f"case-{position}", 0, content_key=f"key-{position}")
    return replace(made, **({"state": RunState.DONE, "output": "So.", "usage": USAGE} | changes))


def experiment(ledger: Ledger, runs: list[RunResult]) -> str:
    pending = [replace(result.run, state=RunState.PENDING) for result in runs]
    experiment_id = ledger.experiments.create({"name": "Try"}, pending)
    its = [
        replace(result, traces=tuple(replace(one, conversation_id=experiment_id) for one in result.traces))
        for result in runs
    ]
    ledger.experiments.finish(experiment_id, its, mirror=False)
    return experiment_id


def called(position: int, trace_id: str, *, answered_by: str = "gpt-x", **changes: Any) -> RunResult:
    made = unpriced(trace_id, kind="lab", model=answered_by)
    return RunResult(run_of(position, trace_id=trace_id, **changes), (made,))


def test_runs_and_the_sum_of_their_experiment_follow_their_traces(ledger: Ledger) -> None:
    first = experiment(ledger, [called(0, "a"), called(1, "b")])
    again = experiment(ledger, [RunResult(run_of(0, trace_id="a", cached=True))])
    assert ledger.experiments.head(first).spent_usd is None
    change = fill(ledger)
    assert (change.traces, change.runs) == (2, 3)
    assert [run.cost_usd for run in ledger.experiments.runs(first)] == [pytest.approx(1.1)] * 2
    assert [run.cost_usd for run in ledger.experiments.runs(again)] == [pytest.approx(1.1)]
    assert ledger.experiments.head(first).spent_usd == pytest.approx(2.2)
    assert ledger.experiments.head(again).spent_usd == 0.0
    check_sums(ledger)


def test_an_experiment_with_a_call_that_stays_unpriced_has_no_sum(ledger: Ledger) -> None:
    key = experiment(ledger, [called(0, "a"), called(1, "b", answered_by="gpt-y", model="gpt-y")])
    assert fill(ledger).traces == 1
    assert ledger.experiments.head(key).spent_usd is None
    assert ledger.experiments.spending(key).known_usd == pytest.approx(1.1)


def test_the_price_of_the_model_that_an_experiment_asked_for_holds_for_the_one_that_answered(ledger: Ledger) -> None:
    key = experiment(ledger, [called(0, "a", answered_by="y-turbo-0125"), called(1, "b", answered_by="y", model="y")])
    assert fill(ledger).traces == 1
    assert [run.cost_usd for run in ledger.experiments.runs(key)] == [pytest.approx(1.1), None]


# ------------------------------------------------------------------------------------------ others at the same time


def test_what_others_write_meanwhile_is_neither_lost_nor_counted_twice(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_filling, "PORTION", 5)
    ledger.traces.finish_all([unpriced(f"t{n}") for n in range(40)], mirror=False)
    failed: list[BaseException] = []

    def tried(work: Callable[[], object]) -> Thread:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001
                failed.append(error)

        return Thread(target=run)

    changes: list[PriceChange] = []
    threads = [tried(lambda: changes.append(fill(ledger))) for _ in range(3)]
    threads += [tried(partial(experiment, ledger, [called(0, f"lab-{n}")])) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    changes.append(fill(ledger))
    assert sum(change.traces for change in changes) == len(ledger.traces.list())
    assert all(one.answer.cost_usd == pytest.approx(1.1) for one in ledger.traces.list())
    check_sums(ledger)


def test_killed_at_any_statement_no_trace_is_half_filled_and_the_rest_is_filled_the_next_time(
    ledger: Ledger, workers: Workers
) -> None:
    experiment(ledger, [called(n, f"t{n}") for n in range(6)])
    left = []
    for statement in range(2, 90, 7):
        ended = workers.run("kill_fill", url_of(ledger), statement)
        left.append(sum(one.answer.cost_usd is None for one in ledger.traces.list()))
        with ledger._database.read() as connection:
            apart = "SELECT count(*) FROM runs JOIN traces USING (trace_id) WHERE (runs.cost_usd IS NULL) <> "
            assert connection.execute(text(apart + "(traces.cost_usd IS NULL)")).scalar_one() == 0
        check_sums(ledger)
        if ended != "killed":
            break
    assert ended == "ended 0"
    assert {6, 0} < set(left), "and some on the way"
    assert ledger.experiments.head(ledger.experiments.list()[0].experiment_id).spent_usd == pytest.approx(6.6)


def url_of(ledger: Ledger) -> str:
    return ledger._database.url.render_as_string(hide_password=False)


def test_an_answer_that_is_no_call_keeps_no_cost(ledger: Ledger) -> None:
    quotes = replace(unpriced("q"), answer=answer("q", model=None, usage=Usage(), cost_usd=None, cached=False))
    ledger.traces.finish(quotes, mirror=False)
    assert fill(ledger, None) == fill(ledger) == PriceChange()
