"""The Cost page."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from core.cost.report import By
from core.ledger import Difference, DifferenceExample, DifferenceTally
from core.models import Answer, AnswerStatus, Feedback, Trace, Usage
from core.ui import cost_tables
from core.ui.cost_figures import money_cell
from core.ui.cost_tables import Measure, bar_clicked, bars_of, labels_of, row_clicked, rows_table
from core.ui.text import compact
from tests.fakes.services import FakeServices
from tests.pages.conftest import OpenPage, words

NOW = datetime.now(UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def ask(services: FakeServices, n: int, model: str | None = "gpt-4o", cost: float | None = 0.25, **facts: Any) -> Trace:
    """One more trace, ``hours`` ago."""
    begun = NOW - timedelta(hours=facts.pop("hours", 0), seconds=n)
    usage = facts.pop("usage", Usage(100, 10) if model else Usage())
    answer = Answer(f"t{n}", AnswerStatus.ANSWERED, "", "en", model=model, usage=usage, cost_usd=cost)
    trace = Trace(f"t{n}", facts.pop("kind", "ask"), begun, f"Question {n}?", (), answer, **facts)
    services.traces.put(trace)
    return trace


@pytest.fixture
def spent(services: FakeServices) -> FakeServices:
    """Two models with a price, one without, and quotes."""
    ask(services, 1, feedback=Feedback("t1", 1), user="ada")
    ask(services, 2, hours=30, user="ada")
    ask(services, 3, "gpt-4o-mini", 0.000012, hours=30)
    ask(services, 4, "llama **bold**", None, usage=Usage(9000, 10))
    ask(services, 5, None, None)
    ask(services, 6, hours=24 * 400)
    return services


def figures(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def table(app: AppTest) -> Any:
    return app.dataframe[0].value


def test_the_totals_and_what_they_leave_out(open_page: OpenPage, spent: FakeServices) -> None:
    app = open_page("cost")
    assert figures(app) == {
        "Cost": "$0.50 +", "Questions": "5", "Per question": "$0.125", "Per thumb up": "$0.50", "Tokens": "9,340",
    }  # fmt: skip
    (banner,) = app.warning
    assert "llama \\*\\*bold\\*\\*" in banner.value
    assert "1 question, 9,010 tokens" in banner.value
    assert banner.proto.title == "Unknown prices"


def test_a_cost_below_a_cent_is_no_zero_and_an_unknown_one_is_unknown(open_page: OpenPage, spent: FakeServices) -> None:
    rows = table(open_page("cost")).set_index("Model")
    assert money_cell(rows.loc["gpt-4o-mini", "Cost"]) == "$0.000012"
    assert money_cell(rows.loc["llama **bold**", "Cost"]) == "unknown"
    assert money_cell(rows.loc["no model", "Cost"]) == "$0.00"
    assert money_cell(rows.loc["gpt-4o", "Per thumb up"]) == "$0.50"
    assert money_cell(rows.loc["gpt-4o-mini", "Per thumb up"]) == "–"
    assert rows["Unknown price"].tolist() == [0, 0, 9010, 0]


@pytest.mark.parametrize(
    ("by", "keys"),
    [("Day", 2), ("Model", 4), ("Kind", 1), ("Template", 1), ("Person", 2)],
)
def test_the_table_is_broken_down_as_chosen(open_page: OpenPage, spent: FakeServices, by: str, keys: int) -> None:
    app = open_page("cost")
    app.button_group(key="cost-by").set_value(By(by.lower().replace("person", "user"))).run()
    assert not app.exception
    assert table(app).columns[0] == by
    assert len(table(app)) == keys
    assert table(app)["Questions"].sum() == 5


def test_the_window_begins_at_midnight_where_the_reader_is(services: FakeServices, open_page: OpenPage) -> None:
    midnight = NOW.astimezone(ZoneInfo("Asia/Tokyo")).replace(hour=0, minute=0, second=0, microsecond=0)
    for n, moment in enumerate([midnight - timedelta(days=6), midnight - timedelta(days=6, microseconds=1)]):
        services.traces.put(replace(ask(services, n), started_at=moment.astimezone(UTC)))
    app = open_page("cost")
    app.context["timezone"] = "Asia/Tokyo"
    app.button_group(key="cost-window").set_value("7 days").run()
    assert figures(app)["Questions"] == "1"
    assert "Asia/Tokyo" in words(app)
    app.button_group(key="cost-window").set_value("All").run()
    assert figures(app)["Questions"] == "2"


def test_a_time_zone_that_nobody_knows_is_utc(open_page: OpenPage, spent: FakeServices) -> None:
    app = open_page("cost")
    app.context["timezone"] = "Mars/Olympus"
    app.run()
    assert not app.exception
    assert "in UTC time" in words(app)


def test_an_empty_ledger_says_what_would_show(open_page: OpenPage) -> None:
    said = words(open_page("cost"))
    assert "Nothing was spent yet" in said
    assert "Tokens and cost of every question will stand here" in said


def test_an_empty_window_says_so(open_page: OpenPage, services: FakeServices) -> None:
    ask(services, 1, hours=24 * 400)
    app = open_page("cost")
    assert "Nothing was asked in the last 30 days" in words(app)
    app.button_group(key="cost-window").set_value("All").run()
    assert figures(app)["Questions"] == "1"


def test_the_chart_shows_the_tables_numbers(open_page: OpenPage, spent: FakeServices) -> None:
    report = spent.costs.report(by=By.MODEL, zone=BERLIN)
    for measure, sums in ((Measure.COST, "Cost"), (Measure.TOKENS, "Tokens"), (Measure.CALLS, "Questions")):
        bars = bars_of(report, report.cells[0].day, report.cells[-1].day, measure)
        assert bars.table["value"].sum() == pytest.approx(rows_table(report)[sums].fillna(0).sum())


def test_a_chart_without_a_known_cost_starts_with_the_tokens(open_page: OpenPage, services: FakeServices) -> None:
    ask(services, 1, "llama", None)
    app = open_page("cost")
    assert app.button_group(key="cost-measure").value == Measure.TOKENS
    assert figures(app)["Cost"] == "unknown"


def test_a_free_call_beside_one_of_unknown_price_makes_no_sum_of_zero(
    open_page: OpenPage, services: FakeServices
) -> None:
    ask(services, 1, "llama", None)
    ask(services, 2, "llama", 0.0)
    found = figures(open_page("cost"))
    assert (found["Cost"], found["Per question"]) == ("unknown", "unknown")
    report = services.costs.report(by=By.MODEL, zone=BERLIN)
    bars = bars_of(report, report.cells[0].day, report.cells[-1].day, Measure.TOKENS)
    assert set(bars.table["cost"]) <= {"unknown", "$0.00"}


def many(services: FakeServices) -> FakeServices:
    for n in range(20):
        ask(services, n, f"model-{n:02}", cost=1.0 - n / 100, hours=24 * n)
    return services


def test_few_names_get_a_colour_and_the_others_one_together(services: FakeServices) -> None:
    report = many(services).costs.report(by=By.MODEL)
    days = [cell.day for cell in (*report.cells, *report.others)]
    bars = bars_of(report, min(days), max(days), Measure.COST)
    assert bars.names == ("model-00", "model-01", "model-02", "model-03", "model-04", "the others")
    assert bars.table["value"].sum() == pytest.approx(report.total.known_usd)
    assert len(bars.begins) == 20


def test_a_name_like_a_label_of_ours_stays_apart(services: FakeServices) -> None:
    for n, model in enumerate(["the others", "no model", None]):
        ask(services, n, model, 0.5 if model else None)
    labels = labels_of(services.costs.report(by=By.MODEL))
    assert len(set(labels.values())) == 3
    assert "the others" not in labels.values()


def test_a_bar_or_a_row_opens_exactly_its_traces(services: FakeServices) -> None:
    """In every width of bars, for every name, also for those that are drawn together."""
    for n in range(60):
        ask(services, n, f"model-{n % 8}" if n % 9 else None, 0.1 * n, hours=50 * n)
    for days in (30, 150, 2000):
        report = services.costs.report(by=By.MODEL, zone=BERLIN, since=NOW - timedelta(days=100))
        first = (NOW - timedelta(days=days)).date()
        bars = bars_of(report, first, NOW.date() + timedelta(days=1), Measure.CALLS)
        assert bars.width == {30: "day", 150: "week", 2000: "month"}[days]
        for _, part in bars.table[bars.table["begin"].isin(bars.begins)].iterrows():
            narrowing = bar_clicked(bars, part["begin"], part["name"], report)
            opened = traces_of(services, narrowing)
            if part["name"] != "the others":
                assert opened == part["value"]
            else:
                assert opened >= part["value"]
    rows = report.rows()
    for number, row in enumerate(rows):
        assert traces_of(services, row_clicked(report, rows, number)) == row.tally.calls


def traces_of(services: FakeServices, narrowing: Any) -> int:
    from core.ledger import TraceFilter  # noqa: PLC0415

    return services.traces.count(narrowing.within(TraceFilter()))


def test_a_click_on_what_is_not_there_opens_nothing(spent: FakeServices) -> None:
    report = spent.costs.report(by=By.MODEL)
    bars = bars_of(report, report.cells[0].day, report.cells[-1].day, Measure.COST)
    assert bar_clicked(bars, "None", "gpt-4o", report) is None
    assert bar_clicked(bars, bars.begins[0], "evil", report) is None
    assert row_clicked(report, report.rows(), 99) is None


def test_marking_a_row_goes_to_its_traces(open_page: OpenPage, spent: FakeServices) -> None:
    app = open_page("cost")
    app.session_state["cost-open"] = {"model": "gpt-4o"}
    app.run()
    assert app.title[0].value == "Traces"
    assert app.query_params["model"] == "gpt-4o"


def test_the_file_has_every_cell_and_no_formula(services: FakeServices) -> None:
    ask(services, 1, '=HYPERLINK("http://evil.invalid")', 0.5)
    ask(services, 2, "llama", None)
    report = services.costs.report(by=By.MODEL)
    rows = list(csv.DictReader(io.StringIO(cost_tables.to_csv(report))))
    assert [row["model"][0] for row in rows] == ["'", "l"]
    assert [row["cost_usd"] for row in rows] == ["0.5", ""]
    assert {row["source"] for row in rows} == {"ledger"}


# ------------------------------------------------------------------------------------------------------------ Comet


def choose(app: AppTest, source: str) -> AppTest:
    return app.button_group(key="cost-source").set_value(source).run()


def test_without_a_key_the_page_says_what_to_set(open_page: OpenPage, spent: FakeServices) -> None:
    app = choose(open_page("cost"), "Comet")
    assert "COMET_API_KEY" in app.info[0].value
    assert "Nothing of this time was read back" in words(app)
    assert not app.exception


def test_the_button_reads_back_from_the_beginning_of_the_window(open_page: OpenPage, spent: FakeServices) -> None:
    spent.mirroring.enabled = True
    spent.mirroring.reading = replace(
        spent.mirroring.reading, kept=1204, read_at=datetime.now(UTC) - timedelta(hours=12)
    )
    app = choose(open_page("cost"), "Both")
    assert "1,204 records of Comet here, read back 12.0 h ago" in words(app)
    app.button(key="read-back-now").click().run()
    (since,) = spent.mirroring.read_since
    assert since is not None
    assert timedelta(days=29) <= datetime.now(UTC) - since <= timedelta(days=30)
    assert "Reading Comet back: 0 records so far" in words(app)
    assert "read-back-now" not in [button.key for button in app.button]


def test_a_reading_that_failed_says_why(open_page: OpenPage, spent: FakeServices) -> None:
    spent.mirroring.enabled = True
    reading = replace(spent.mirroring.reading, state="failed", records=300, detail="Comet refuses the **key**")
    spent.mirroring.reading = reading
    said = words(choose(open_page("cost"), "Comet"))
    assert "The last reading stopped after 300 records. Comet refuses the **key**" in said
    assert "Nothing was read back from Comet yet." in said


@pytest.fixture
def compared(spent: FakeServices) -> FakeServices:
    spent.costs._comparison.tallies = [
        DifferenceTally(Difference.NONE, 7, 1.0, 1.0, 70, 70),
        DifferenceTally(Difference.COST, 1, 0.25, 0.5, 110, 110),
        DifferenceTally(Difference.REFUSED, 1, None, 0.0, 9010, 0, ledger_unpriced=1),
        DifferenceTally(Difference.FOREIGN, 8, 0.0, 0.125, 0, 900, mirror_unpriced=3),
    ]
    spent.costs._comparison.found = {
        Difference.COST: [DifferenceExample("t1", "r1", NOW, "**Why?**", "gpt-4o", 0.25, 0.5, 110, 110)],
        Difference.FOREIGN: [DifferenceExample(None, "r9", NOW, "bot", None, None, None, None, 900)] * 6,
    }
    return spent


def test_a_side_that_was_never_read_back_has_a_dash_and_no_zero(open_page: OpenPage, spent: FakeServices) -> None:
    app = choose(open_page("cost"), "Both")
    assert figures(app) == {"Ledger": "$0.50 +", "Comet": "–", "Difference": "–"}


def test_both_names_and_counts_every_kind_of_difference(open_page: OpenPage, compared: FakeServices) -> None:
    app = choose(open_page("cost"), "Both")
    assert not app.exception
    assert "**7** in both, with equal tokens and cost" in words(app)
    labels = [area.label.replace("\\", "") for area in app.expander]
    assert labels == [
        "**1** in both, with different cost :gray[· $0.25 in the ledger, $0.50 in Comet]",
        "**1** only in the ledger: refused by Comet :gray[· unknown in the ledger]",
        "**8** only in Comet: another program's :gray[· over $0.125 in Comet]",
    ]


def test_an_open_difference_shows_examples_that_open_their_trace(open_page: OpenPage, compared: FakeServices) -> None:
    app = choose(open_page("cost"), "Both")
    app.session_state["difference-cost"] = True
    app.session_state["difference-foreign"] = True
    app.run()
    (link,) = [link for link in app.get("page_link") if "trace=t1" in link.proto.query_string]
    assert link.proto.label == "\\*\\*Why\\?\\*\\*"
    said = words(app)
    assert "Ledger: $0.25, 110 tokens · Comet: $0.50, 110 tokens" in said
    assert "bot :gray[· record r9]" in said
    assert "Comet: unknown, 900 tokens" in said
    assert "and 3 more" in said


def test_the_table_of_both_has_the_difference_of_each_row(open_page: OpenPage, compared: FakeServices) -> None:
    rows = table(choose(open_page("cost"), "Both")).set_index("Model")
    assert rows.loc["gpt-4o", "Difference"] == 0.5
    assert money_cell(rows.loc["llama **bold**", "Difference"]) == "unknown"
    assert rows["Comet, records"].sum() == 0


def test_nothing_on_either_side_is_said(open_page: OpenPage) -> None:
    assert "Nothing to compare" in words(choose(open_page("cost"), "Both"))


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (9999, "9,999"), (10_000, "10.0k"), (99_949, "99.9k"), (99_950, "100k"), (999_499, "999k"),
     (999_500, "1.0M"), (230_684_349, "231M"), (999_950_000, "1.0B"), (12 * 10**11, "1200B")],
)  # fmt: skip
def test_large_numbers_are_short(number: int, text: str) -> None:
    assert compact(number) == text
