"""The Drift page over a real ledger, with reports made in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.drift.daily import Daily
from core.drift.sides import Bar, Side
from core.ledger.drift import FAILED
from core.models import DriftReport
from core.ui import drift_beside, drift_evidently, drift_form, drift_history, drift_phrases, drift_rows
from core.ui.drift_charts import bins_table, history_table, spread_chart, values_table
from tests.drift.tables import table
from tests.fakes.drifting import NOW, DriftDesk, open_desk
from tests.fakes.services import FakeServices
from tests.pages.conftest import OpenPage, words


@pytest.fixture
def desk(tmp_path: Path, services: FakeServices) -> Iterator[DriftDesk]:
    opened = open_desk(tmp_path / "data")
    opened.equip(services)
    yield opened
    opened.close()


@pytest.fixture
def drifted(desk: DriftDesk) -> DriftDesk:
    """Half of this week's questions are about something new, and slower."""
    desk.fill(10)
    desk.fill(3, new=0.5, slower=500)
    desk.report("r1", html=b"<html><head></head>all of it</html>")
    return desk


def tab(app: AppTest, name: str) -> AppTest:
    app.session_state["drift-tab"] = name
    return app.run()


# ------------------------------------------------------------------------------------------------- without a report


def test_without_data_the_page_says_what_there_is_and_what_a_verdict_needs(open_page: OpenPage, desk: DriftDesk):
    desk.fill(3, 12)
    said = words(open_page("drift"))
    assert "No report yet" in said
    assert "the last 7 days: **12**, the 7 days before: **0**" in said
    assert "12 questions now · a verdict needs 100" in said
    assert "set `CUEPOINT_DRIFT_AT`" in said


def test_a_report_is_made_beside_the_page_and_shown_when_it_is_done(open_page: OpenPage, desk: DriftDesk):
    desk.fill(10)
    desk.fill(3, new=0.5)
    app = open_page("drift")
    app.button(key="drift-run").click().run()
    assert not app.exception
    (report,) = desk.drift.reports()
    assert "the last 7 days against 14 to 7 days ago" in words(app)
    assert desk.drift.wait(report.report_id, 60)
    app.run()
    assert app.query_params["report"] == report.report_id
    assert "Drift in" in words(app)
    assert "made on this page" in words(app)


def test_a_report_is_stopped_and_says_so(open_page: OpenPage, services: FakeServices, tmp_path: Path):
    desk = open_desk(tmp_path / "data", "hang")
    desk.equip(services)
    app = open_page("drift")
    app.button(key="drift-run").click().run()
    (report,) = desk.drift.reports()
    app.button(key=f"drift-stop-{report.report_id}").click().run()
    assert desk.drift.wait(report.report_id, 60)
    app.run()
    assert desk.drift.report(report.report_id).state == FAILED
    assert "This report was not made" in words(app)
    assert "It was stopped before it was done." in words(app)
    desk.close()


def test_a_second_click_follows_the_report_that_is_being_made(
    open_page: OpenPage, services: FakeServices, tmp_path: Path
):
    desk = open_desk(tmp_path / "data", "hang")
    desk.equip(services)
    app = open_page("drift")
    app.button(key="drift-run").click().run()
    app.button(key="drift-run").click().run()
    assert len(desk.drift.reports()) == 1
    app.number_input(key="drift-current-days").set_value(3).run()
    app.button(key="drift-run").click().run()
    assert len(desk.drift.reports()) == 2
    for one in desk.drift.reports():
        desk.drift.stop(one.report_id)
    desk.close()


def test_a_report_of_another_process_is_watched_and_cannot_be_stopped(open_page: OpenPage, desk: DriftDesk):
    desk.ledger.drift.begin(DriftReport("other", NOW, "running", "14d..7d", "7d", "command"))
    app = open_page("drift")
    assert "14 to 7 days ago" in words(app)
    assert [button.key for button in app.button if str(button.key).startswith("drift-stop")] == []


# ------------------------------------------------------------------------------------------------------ the verdict


def test_the_verdict_stands_in_a_sentence_with_its_windows(open_page: OpenPage, drifted: DriftDesk):
    said = words(open_page("drift"))
    assert "Drift in" in said
    assert "question" in said
    assert "(150 rows against 150)" in said
    assert "the last 7 days (" in said
    assert "150 rows) against 14 to 7 days ago (" in said


def test_a_failed_report_is_named_and_the_others_stay(open_page: OpenPage, drifted: DriftDesk):
    drifted.ledger.drift.begin(DriftReport("r2", datetime.now(UTC), "running", "7d", "file:a.csv"))
    drifted.ledger.drift.fail("r2", "a.csv cannot be read: **nothing**")
    app = open_page("drift")
    assert "This report was not made" in words(app)
    assert "a.csv cannot be read: **nothing**" in words(app)
    app.selectbox(key="drift-report").select("r1").run()
    assert "Drift in" in words(app)
    assert app.query_params["report"] == "r1"


def test_too_few_rows_are_no_verdict_and_said_as_such(open_page: OpenPage, desk: DriftDesk):
    desk.fill(10, 150)
    desk.fill(3, 40)
    desk.report("r1")
    assert "Not enough data: the current window has 40 rows" in words(open_page("drift"))


def test_sample_traffic_is_marked(open_page: OpenPage, desk: DriftDesk):
    desk.fill(10, kind="sample-ask")
    desk.fill(3, kind="sample-ask")
    desk.report("r1")
    said = words(open_page("drift"))
    assert "Sample traffic, not yours" in said
    assert "No drift in" in said


def test_reports_of_sample_traffic_stay_away_beside_real_ones(open_page: OpenPage, desk: DriftDesk):
    desk.fill(10, kind="sample-ask")
    desk.fill(3, kind="sample-ask")
    desk.report("made-up")
    desk.fill(2)
    desk.report("real", hours_ago=1)
    app = open_page("drift")
    assert app.selectbox(key="drift-report").options == [drift_phrases.report_title(desk.drift.report("real"))]
    app.toggle(key="sample-wanted").set_value(True).run()
    assert len(app.selectbox(key="drift-report").options) == 2


def test_an_address_without_a_report_says_so(open_page: OpenPage, drifted: DriftDesk):
    app = open_page("drift", report="nobody")
    assert "There is no drift report nobody" in words(app)
    assert "Drift in" in words(app)


def test_the_next_daily_report_and_the_last_one_are_named(
    open_page: OpenPage, drifted: DriftDesk, services: FakeServices
):
    services.daily = Daily(drifted.drift, drifted.ledger, time(6), lambda: datetime(2026, 11, 24, 7, tzinfo=UTC))
    drifted.report("daily", origin="schedule", hours_ago=3)
    said = words(open_page("drift"))
    assert "Next daily report 2026-11-25 06:00 UTC" in said
    assert "last: " in said


# --------------------------------------------------------------------------------------------------------- the tabs


def test_every_tab_draws_a_report_whose_texts_are_hostile(open_page: OpenPage, desk: DriftDesk, tmp_path: Path):
    evil = "</script><script>alert(1)</script> ![x](http://evil.invalid) $x$ :tada:"
    paths = [tmp_path / "before.csv", tmp_path / "after.csv"]
    for path, new in zip(paths, (0.0, 0.6), strict=True):
        made = table(200, 5, new=new).rename(columns={"latency_ms": evil})
        made["model"] = [evil if n % 3 else "b" for n in range(len(made))] if new else "b"
        made.to_csv(path, index=False)
    uploads = [desk.drift.upload(path.name, path.read_bytes()) for path in paths]
    desk.report("r1", uploads)
    desk.report("r2", uploads, hours_ago=1)
    app = open_page("drift")
    for name in ("Columns", "Words", "Effect", "Over time", "Side by side", "Evidently"):
        app = tab(app, name)
        assert not app.exception, name
        assert not app.error, name
        raw = "\n".join(element.value for kind in (app.markdown, app.caption) for element in kind)
        assert "<script>" not in raw
        assert "![x]" not in raw
    assert "the file after.csv (200 rows) against the file before.csv (200 rows)" in words(app)


def test_the_effect_of_what_drifted_stands_beside_the_rest(open_page: OpenPage, drifted: DriftDesk):
    app = tab(open_page("drift"), "Effect")
    said = words(app)
    assert "question: " in said.replace("**", "")
    assert "with one of the words" in said
    shown = app.table[0].value
    assert shown["These rows"].tolist()[1] == "100.0%"  # the made-up traffic refuses what is new
    assert shown["The rest"].tolist()[1].endswith("%")


def test_words_that_appear_more_are_named_in_the_column_that_drifted(open_page: OpenPage, drifted: DriftDesk):
    said = words(open_page("drift"))
    assert "More often: " in said
    assert any(word in said for word in ("kubernetes", "yaml", "ingress", "cluster", "pod", "deployment"))


def test_a_columns_scores_over_the_reports_of_the_same_windows(drifted: DriftDesk, open_page: OpenPage):
    for n in range(3):
        drifted.report(f"before-{n}", hours_ago=24 * (n + 1))
    drifted.report("else", ("30d..7d", "7d"))
    report, reports = drifted.drift.report("r1"), drifted.drift.reports()
    same = drift_history.same_windows(report, reports)
    assert [one.report_id for one in same] == ["before-2", "before-1", "before-0", "r1"]
    latency = next(column for column in report.columns if column.column == "latency_ms")
    runs = history_table(drift_history.runs_of(latency, same))
    assert set(runs["threshold"]) == {latency.threshold}
    assert runs["made"].is_monotonic_increasing
    assert "4 reports of these windows" in words(tab(open_page("drift", report="r1"), "Over time"))


def test_two_reports_stand_side_by_side_with_what_differs_first(drifted: DriftDesk, open_page: OpenPage):
    drifted.fill(20)
    drifted.report("calm", ("21d..14d", "14d..7d"), hours_ago=1)
    shown = drift_beside.beside_table(drifted.drift.report("r1"), drifted.drift.report("calm"))
    assert shown["Outcome"].tolist()[0] == "drift in this one only"
    assert shown["Outcome"].tolist()[-1] == "same in both"
    app = tab(open_page("drift"), "Side by side")
    assert "No drift in" in words(app)
    assert "Drift in" in words(app)


# ------------------------------------------------------------------------------------------- the rows behind a bar


def test_the_bars_of_every_column_hold_each_row_once_and_open_exactly_theirs(drifted: DriftDesk):
    """What a bar's height says is what its rows count to."""
    report = drifted.drift.report("r1")
    for column in report.columns:
        spread = report.details["distributions"][column.column]
        n = {Side.REFERENCE: column.n_reference, Side.CURRENT: column.n_current}
        for side in Side:
            for place, share in enumerate(spread[side]):
                rows = drifted.drift.behind("r1", side, Bar(column.column, place))
                assert len(rows.table) == round(share * n[side]), (column.column, side, place)
                assert rows.of == 150


def test_a_click_opens_a_dialog_with_the_rows_and_their_traces(open_page: OpenPage, drifted: DriftDesk):
    app = open_page("drift")
    app.button(key="drift-all-current").click().run()
    assert "150 rows of the last 7 days" in words(app)
    shown = app.dataframe[0].value
    assert len(shown) == 150
    assert shown["Trace"][0].startswith("/traces?trace=ask-3-")
    app.session_state["drift-rows-of"] = drift_rows.Wanted(Side.REFERENCE, Bar("status", 0))
    app.session_state["drift-rows-side"] = Side.REFERENCE
    app.run()
    assert "status: answered" in words(app)
    assert set(app.dataframe[0].value["status"]) == {"answered"}


def test_rows_as_a_file_hold_no_formula(drifted: DriftDesk):
    rows = drifted.drift.behind("r1", Side.CURRENT).table
    rows.loc[rows.index[0], "question"] = "=1+1"
    assert "'=1+1" in drift_rows.to_csv(rows)


def test_a_file_that_is_gone_is_named_where_its_rows_were_asked_for(
    open_page: OpenPage, desk: DriftDesk, tmp_path: Path
):
    (tmp_path / "a.csv").write_text(table(200, 5).to_csv(index=False))
    window = desk.drift.upload("a.csv", (tmp_path / "a.csv").read_bytes())
    desk.report("r1", (window, window))
    Path(window.removeprefix("file:")).unlink()
    app = open_page("drift")
    app.button(key="drift-all-current").click().run()
    assert "There is no file" in words(app)
    assert not app.exception


# -------------------------------------------------------------------------------------------------------- the files


def test_evidentlys_report_is_framed_without_the_apps_origin_and_sealed():
    framed = drift_evidently.framed(b"<html><head><script>parent.x=1</script></head></html>")
    assert 'sandbox="allow-scripts"' in framed
    assert "allow-same-origin" not in framed
    assert "<script>" not in framed, "the report stands in an attribute, escaped"
    sealed = drift_evidently.sealed(b"<html><head><script></script></head></html>")
    assert sealed.index(b"Content-Security-Policy") < sealed.index(b"<script>")
    assert b"default-src 'none'" in sealed


def test_a_report_without_its_file_says_so(open_page: OpenPage, drifted: DriftDesk):
    drifted.drift.html_path("r1").unlink()
    app = tab(open_page("drift"), "Evidently")
    assert "Evidently's report is not on this machine" in words(app)


def test_downloads_hold_every_column(drifted: DriftDesk):
    report = drifted.drift.report("r1")
    assert len(drift_evidently.to_csv(report).splitlines()) == 1 + len(report.columns)
    document = json.loads(drift_evidently.to_json(report))
    assert document["verdict"] == "drift"
    assert set(document["details"]) >= {"distributions", "words", "impact"}


# --------------------------------------------------------------------------------------------------------- the form


def form(open_page: OpenPage) -> AppTest:
    return open_page("drift")


def chosen(app: AppTest) -> str:
    return next(element.value for element in app.markdown if "** against **" in element.value).replace("\\", "")


def test_the_reference_is_what_came_before_the_current_days(open_page: OpenPage, desk: DriftDesk):
    app = form(open_page)
    app.number_input(key="drift-current-days").set_value(3)
    app.number_input(key="drift-reference-days").set_value(10).run()
    assert chosen(app) == "**the last 3 days** against **13 to 3 days ago**"


def test_days_are_chosen_by_date_with_both_ends(open_page: OpenPage, desk: DriftDesk):
    app = form(open_page)
    app.button_group(key="drift-current-what").set_value(drift_form.DATES).run()
    days = (datetime(2026, 11, 2, tzinfo=UTC).date(), datetime(2026, 11, 4, tzinfo=UTC).date())
    app.date_input(key="drift-current-dates").set_value(days).run()
    assert chosen(app) == "**2026-11-02 to 2026-11-05** against **2026-10-26 to 2026-11-02**"


def test_a_filter_narrows_its_side(open_page: OpenPage, desk: DriftDesk):
    desk.fill(3)
    app = form(open_page)
    app.session_state["drift-current-filters"] = True
    app.session_state["drift-current-model"] = "small & fast"
    app.run()
    assert "only model small & fast" in chosen(app)
    assert "0 questions now" in words(app)


def test_nothing_can_be_made_until_both_sides_are_chosen(open_page: OpenPage, desk: DriftDesk):
    app = form(open_page)
    app.button_group(key="drift-reference-what").set_value(drift_form.VERSION).run()
    assert app.button(key="drift-run").disabled
    assert "No version holds traces yet" in words(app)


def test_a_file_that_is_no_table_is_named_beside_its_field(open_page: OpenPage, desk: DriftDesk):
    app = form(open_page)
    app.button_group(key="drift-reference-what").set_value(drift_form.FILE).run()
    app.file_uploader(key="drift-reference-upload").set_value(("a.csv", b"", "text/csv")).run()
    assert "a.csv is empty" in words(app)
    app.file_uploader(key="drift-reference-upload").set_value(("a.csv", b"a,b\n1,2\n", "text/csv")).run()
    assert chosen(app) == "**the last 7 days** against **the file a.csv**"


# ------------------------------------------------------------------------------------------------------------ charts


def test_bins_say_what_they_hold_and_a_single_value_is_a_bar():
    spread = {"edges": [0.0, 1.0, 2.0], "reference": [0.5, 0.5], "current": [1.0, 0.0]}
    assert bins_table(spread)["range"].tolist() == ["up to 1", "1 and more"]
    alone = bins_table({"edges": [3.0, 3.0], "reference": [1.0], "current": [1.0]})
    assert (alone["range"][0], alone["end"][0] > alone["begin"][0]) == ("3", True)


def test_values_that_are_cut_alike_stay_apart():
    long = "x" * 60
    spread = {"values": [long + "a", long + "b", ""], "reference": [0.5, 0.5, 0], "current": [0.5, 0.4, 0.1]}
    assert values_table(spread)["value"].nunique() == 3
    assert spread_chart(spread).to_dict()["layer"]


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ("7d", "the last 7 days"), ("1d", "the last day"), ("24h", "the last 24 hours"),
        ("14d..7d", "14 to 7 days ago"), ("48h..24h", "48 to 24 hours ago"),
        ("2026-11-01..2026-11-08", "2026-11-01 to 2026-11-08"),
        ("7d?model=a%20b&user=", "the last 7 days, only model a b and user none"),
        ("version:0123456789abcdef", "the data version 0123456789ab"),
        ("file:0123456789abcdef-week.csv", "the file week.csv"),
    ],
)  # fmt: skip
def test_windows_are_said_as_people_say_them(window: str, said: str):
    assert drift_phrases.window_words(window) == said
