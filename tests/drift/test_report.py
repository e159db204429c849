"""Two tables to a verdict with what a page shows."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from core.drift.report import Outcome, compare
from core.models import DriftVerdict
from tests.drift.tables import table


@pytest.fixture(scope="module")
def found() -> Outcome:
    return compare(table(400, 1), table(400, 2, new=0.3, slower=80))


def test_columns_that_moved_are_told_from_those_that_did_not(found: Outcome):
    assert found.verdict is DriftVerdict.DRIFT
    assert {column.column for column in found.columns if column.drifted} == {"question", "latency_ms", "status"}


def test_the_drifted_part_of_the_texts_is_told_from_the_rest(found: Outcome):
    words = {item["word"] for item in found.details["words"]["question"]["more"]}
    assert {"kubernetes", "ingress"} <= words
    impact = found.details["impact"]["question"]
    assert impact["part"]["refused"] == 1.0
    assert impact["rest"]["refused"] < 0.25
    assert impact["part"]["rows"] + impact["rest"]["rows"] == 400
    assert impact["part"]["thumbs"] > 0
    assert impact["part"]["cost_usd"] == pytest.approx(impact["rest"]["cost_usd"], rel=1)
    assert all(trace_id.startswith("2-") for trace_id in impact["trace_ids"])


def test_the_drifted_part_of_numbers_and_categories_is_named_by_its_values(found: Outcome):
    assert found.details["impact"]["status"]["rows"] == "with refused"
    assert found.details["impact"]["latency_ms"]["rows"].startswith("in the range")
    assert 0 < found.details["impact"]["latency_ms"]["part"]["rows"] < 400


def test_each_column_has_the_shares_of_both_sides(found: Outcome):
    for name, shown in found.details["distributions"].items():
        for side in ("reference", "current"):
            assert math.isclose(sum(shown[side]), 1.0, abs_tol=1e-9), name
    assert found.details["distributions"]["model"]["values"] in (["small", "large"], ["large", "small"])
    json.dumps(found.details, allow_nan=False)


def test_equal_traffic_is_no_drift():
    found = compare(table(300, 3), table(300, 4))
    assert found.verdict is DriftVerdict.NO_DRIFT
    assert found.details["impact"] == {}


@pytest.mark.parametrize("rows", [0, 1, 99])
def test_a_handful_of_rows_is_not_enough_data(rows: int):
    found = compare(table(300, 3), table(rows, 4, new=1.0))
    assert found.verdict is DriftVerdict.NOT_ENOUGH
    assert not found.columns


def test_columns_that_cannot_be_compared_are_left_out_with_the_reason_and_the_rest_is_compared():
    before, after = table(200, 1), table(200, 2)
    for side, n in ((before, 0), (after, 1)):
        side["empty"] = None
        side["constant"] = 7
        side["infinite"] = [math.inf] * 200
        side["emoji"] = ["😀" if row % 2 else "🎉🎉" for row in range(200)]
        side["key"] = [f"id-{n}-{row}" for row in range(200)]
        side["when"] = pd.Timestamp("2026-11-01")
        side["mixed"] = [1, "two", None, [3], {"four": 5}] * 40
        side["</script><script>x"] = 1
    found = compare(before, after)
    reasons = dict(found.left_out)
    assert {"empty", "constant", "infinite", "key", "when"} <= set(reasons)
    assert "trace_id" not in reasons
    assert not any("<" in name for name in reasons)
    assert {"question", "latency_ms", "mixed"} <= {column.column for column in found.columns}
    assert found.verdict is DriftVerdict.NO_DRIFT


@pytest.mark.parametrize("stray", ["n/a", "unknown {n}"])
def test_numbers_with_stray_texts_among_them_say_why_they_are_compared_as_texts(stray: str):
    before, after = table(200, 1), table(200, 2)
    after["latency_ms"] = [
        stray.format(n=n) if n % 5 == 0 else f"{value}" for n, value in enumerate(after["latency_ms"])
    ]
    found = compare(before, after)
    (column,) = [column for column in found.columns if column.column == "latency_ms"]
    assert column.kind != "number"
    assert found.details["notes"] == {
        "latency_ms": "Most of its values are numbers, but 40 of 200 current values and 0 of 200 reference values "
        f"are not, so it is compared as {column.kind}."
    }


def test_a_few_stray_texts_are_left_out_and_texts_with_some_numbers_need_no_word():
    before, after = table(200, 1), table(200, 2)
    after["latency_ms"] = ["n/a" if n % 50 == 0 else value for n, value in enumerate(after["latency_ms"])]
    for side in (before, after):
        side["model"] = ["4" if n % 3 == 0 else "large" for n in range(200)]
        side["flag"] = [n % 2 == 0 for n in range(200)]
    found = compare(before, after)
    sizes = {column.column: (column.kind, column.n_current) for column in found.columns}
    assert sizes["latency_ms"] == ("number", 196)
    assert found.details["notes"] == {}


def test_unlike_numbers_with_one_stray_text_are_no_identifiers():
    before, after = table(200, 1), table(200, 2)
    for side in (before, after):
        side["amount"] = [f"{n}.{n:03}" for n in range(199)] + ["none"]
    assert "amount" in {column.column for column in compare(before, after).columns}
