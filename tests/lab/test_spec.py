"""Specs as users write them: what is wrong is named at its place, before anything is spent."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from core.errors import InputError
from core.lab.braces import stray_braces
from core.lab.case_rows import cases_of, read_cases
from core.lab.grid import cells_of
from core.lab.plan import Plan, plan_of
from core.lab.planning import Planner
from core.lab.scorers import Tools
from core.lab.spec import read_spec, spec_of
from core.lab.yaml_text import read_yaml
from core.models import TestCase
from tests.fakes.lab import TEMPLATES, cases_by_name, spec_of_cases

PLANNER = Planner(TEMPLATES, cases_by_name, Tools(), lambda: "default-model")


def plan(folder: Path | None = None, **changes: Any) -> Plan:
    return PLANNER.plan(spec_of(spec_of_cases(2) | changes), folder=folder)


def without_cases(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in spec_of_cases(1).items() if key != "cases"} | changes


def wrong(document: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        PLANNER.plan(spec_of(document))
    assert "\n" not in str(caught.value)
    return caught.value


# -------------------------------------------------------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tempratures": [0]}, "the spec has no key 'tempratures', did you mean 'temperatures'?"),
        ({"templates": [{"name": "a", "text": "x"}]}, "templates[0] has no key 'text'"),
        ({"templates": []}, "templates must not be empty"),
        ({"templates": "plain"}, "templates must be a list"),
        ({"templates": [3]}, "templates[0] must be a mapping"),
        ({"templates": [{"name": "a", "user": " "}]}, "templates[0] has an empty user text"),
        ({"templates": [{"name": "a", "system": "x"}]}, "templates[0] has a system text but no user text"),
        ({"templates": [{"name": "a", "version": 1, "alias": "b"}]}, "templates[0] has a version and an alias"),
        ({"templates": [{"name": "a", "version": 1, "user": "x"}]}, "templates[0] has a text of its own"),
        ({"temperatures": ["hot"]}, "temperatures[0] must be a number"),
        ({"temperatures": [0.5, 3]}, "temperatures[1] must be at most 2"),
        ({"temperatures": [float("nan")]}, "temperatures[0] must be"),
        ({"temperatures": [0.5, 0.5]}, "temperatures: 0.5 stands twice"),
        ({"models": ["a", "a"]}, "models: a stands twice"),
        ({"repeats": 0}, "repeats must be at least 1"),
        ({"repeats": 2.5}, "repeats must be a whole number"),
        ({"repeats": True}, "repeats must be a whole number"),
        ({"concurrency": 1000}, "concurrency must be at most 64"),
        ({"max_cost_usd": -1}, "max_cost_usd must be at least 0"),
        ({"max_cost_usd": 1.0, "max_tokens": None}, "max_tokens must be a number where max_cost_usd is one"),
        ({"scorers": ["exat"]}, "scorers[0]: there is no scorer 'exat', did you mean exact?"),
        ({"scorers": ["???"]}, "there is contains, exact, regex"),
        ({"scorers": [{"type": "judge"}]}, "scorers[0].rubric is missing"),
        ({"scorers": [{"type": "rouge_l", "threshold": 2}]}, "scorers[0].threshold must be at most 1"),
        ({"scorers": [{"type": "regex", "pattern": "("}]}, "scorers[0].pattern is no regular expression"),
        ({"scorers": [{"rubric": "x"}]}, "scorers[0] names no scorer"),
        ({"scorers": ["exact", "exact"]}, "scorers: two are called 'exact'"),
        ({"test_set": "vectors"}, "the spec has test_set and cases; one of them is enough"),
    ],
)
def test_a_wrong_key_is_named_at_its_place(changes: dict[str, Any], said: str) -> None:
    assert said in str(wrong(spec_of_cases(1) | changes))


@pytest.mark.parametrize("document", [None, [], "text", 3])
def test_what_is_no_mapping_is_no_spec(document: Any) -> None:
    assert "must be a mapping" in str(wrong(document))


def test_all_faults_are_named_together() -> None:
    said = str(wrong(spec_of_cases(1) | {"repeats": 0, "max_tokens": 0, "color": "red"}))
    assert "repeats must be" in said
    assert "max_tokens must be" in said
    assert "no key 'color'" in said


def test_a_spec_without_cases_says_so() -> None:
    assert "the spec names no cases" in str(wrong(without_cases()))


# --------------------------------------------------------------------------------------------------------- templates


def test_templates_are_found_by_version_alias_or_stand_in_the_spec() -> None:
    found = plan(
        templates=["plain@2", {"name": "brief", "alias": "production"}, {"name": "own", "user": "{question}?"}]
    )
    assert [(t.name, t.version) for t in found.templates] == [("plain", 2), ("brief", 1), ("own", 0)]
    assert [t["version"] for t in found.document()["templates"]] == [2, 1, None]


@pytest.mark.parametrize(
    ("templates", "said"),
    [
        (["nobody"], "templates[0]: There is no template nobody"),
        (["plain", "plain@nowhere"], "templates[1]: There is no template plain nowhere"),
        (["plain", "plain@1"], "templates[1]: plain@1 stands twice"),
        ([{"name": "own", "user": "Hi { question }"}], "templates[0].user, line 1: “{ question }” is no variable"),
        ([{"name": "own", "system": "\n{user name}", "user": "x"}], "templates[0].system, line 2: “{user name}”"),
        ([{"name": "own", "user": "{questoin}"}], "templates[0] (own) has a variable questoin that no case has"),
    ],
)
def test_a_template_that_cannot_be_filled_is_named(templates: list[Any], said: str) -> None:
    assert said in str(wrong(spec_of_cases(1, templates=templates)))


def test_braces_may_be_meant_as_they_stand() -> None:
    found = plan(templates=[{"name": "own", "user": "{ question } {question}"}], literal_braces=True)
    assert cells_of(found, "server")
    assert found.messages(cells_of(found, "server")[0])[0]["content"] == "{ question } question 0"


@pytest.mark.parametrize(
    ("text", "slips"),
    [
        ("{a} {{b}} {c_1}", []),
        ('{"score": 1, "reason": {"a": "b"}}', []),
        ("def f():\n    return {}\nif (x) {\n  y\n}", []),
        (r"\d{2,4} x^{2} {1}", []),
        ("{ a }", [(1, "{ a }")]),
        ("x\n{a b}", [(2, "{a b}")]),
        ("{a.b} {a!r}", [(1, "{a.b}"), (1, "{a!r}")]),
        ("Hello {name\nand", [(1, "{name")]),
        ("Hello name}\nand", [(1, "name}")]),
        ("{ä} {größe}", []),
    ],
)
def test_a_brace_that_is_no_variable_is_told_from_json_and_code(text: str, slips: list[tuple[int, str]]) -> None:
    assert stray_braces(text) == slips


def test_looking_for_braces_takes_no_time() -> None:
    began = time.perf_counter()
    stray_braces("{a" * 50_000 + "a}" * 50_000 + "{ " * 50_000)
    assert time.perf_counter() - began < 2


def test_missing_variables_name_the_cases_that_lack_them() -> None:
    cases = [{"question": "a"}, {"title": "b"}, {"title": "c"}]
    said = str(wrong(spec_of_cases(1, cases=cases, scorers=[])))
    assert "has a variable question that 2 cases (2, 3) lack. The columns of the cases are question and title." in said


def test_a_column_that_no_template_uses_is_a_notice() -> None:
    assert plan(cases=[{"question": "a", "topic": "b"}], scorers=[]).notices == ("The column topic is in no template.",)


# ------------------------------------------------------------------------------------------------------------- cases


def test_cases_come_from_a_test_set(tmp_path: Path) -> None:
    found = PLANNER.plan(spec_of(without_cases(test_set="vectors")))
    assert [case.case_id for case in found.cases] == ["c0", "c1", "c2"]
    assert found.test_set == "vectors"
    assert "test_set: There is no test set nothing" in str(wrong(without_cases(test_set="nothing")))
    assert "test_set: empty has no cases yet" in str(wrong(without_cases(test_set="empty")))


def test_cases_in_a_spec_are_flat_or_have_variables() -> None:
    rows = [
        {"question": "a", "expected": "b", "count": 3, "yes": True, "none": None},
        {"id": "two", "variables": {"question": "c", "expected": "inner"}, "expected": 1.5, "note": "n", "tests": "t"},
    ]
    first, second = cases_of(rows, "cases")
    assert first == TestCase("1", {"question": "a", "count": "3", "yes": "true", "none": ""}, "b")
    assert (second.case_id, second.expected, second.tests, second.note) == ("two", "1.5", "t", "n")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"id": "a"}, {"id": "a"}], "cases, row 2: the id 'a' stands twice"),
        ([{"id": "2"}, {"question": "x"}], "cases, row 2: the id '2' stands twice"),
        ([{"question": ["a"]}], "cases, row 1, column question must be a text, not a list"),
        ([{"question": {"a": 1}}], "cases, row 1, column question must be a text, not a mapping"),
        (["text"], "cases, row 1 is no mapping"),
        ([], "cases has no cases"),
        ([{"variables": {"a": "b"}, "expcted": "c"}], "cases, row 1 has no key 'expcted'"),
        ([{"question": "x" * 400_001}], "cases, row 1, column question has 400,001 characters"),
    ],
)
def test_a_case_that_cannot_be_used_is_named_by_row(rows: list[Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        cases_of(rows, "cases")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", b"question,expected\nwhat?,this\n"),
        ("a.csv", b"\xef\xbb\xbfquestion;expected\r\nwhat?;this\r\n\r\n"),
        ("a.CSV", "question\texpected\nwhat?\tthis\n".encode("utf-16")),
        ("a.csv", b'question,expected\n"what?","this"'),
        ("a.jsonl", b'{"question": "what?", "expected": "this"}\n\n'),
        ("a.json", b'[{"question": "what?", "expected": "this"}]'),
    ],
)
def test_a_file_of_cases_is_read_by_its_columns(name: str, data: bytes) -> None:
    assert read_cases(name, data) == [TestCase("1", {"question": "what?"}, "this")]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.txt", b"x", "a.txt is no .csv, .jsonl or .json file"),
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"question,question\na,b", "a.csv has two columns 'question'"),
        ("a.csv", b"question\na,b,c", "a.csv, line 2 has 3 values for 1 columns"),
        ("a.csv", b"question\n", "a.csv has no cases"),
        ("a.csv", b"question\n" + b"a\n" * 100_000, "a.csv has more than 10,000 cases"),
        ("a.csv", b'question\n"' + b"a" * 2_000_000, "a.csv cannot be read from line"),
        ("a.jsonl", b'{"question": "a"}\n{', "a.jsonl, line 2 is no JSON"),
        ("a.jsonl", b"3", "a.jsonl, row 1 is no mapping"),
        ("a.json", b"{}", "a.json is no list of cases"),
        ("a.json", b"[" * 100_000, "a.json is no JSON"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_place(name: str, data: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_cases(name, data)
    assert said in str(caught.value)


def test_a_file_is_read_beside_its_spec_and_only_from_a_spec_file(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("question,expected\na,b\n")
    assert PLANNER.plan(spec_of(without_cases(file="cases.csv")), folder=tmp_path).cases[0].expected == "b"
    assert "file can be named in a spec file only" in str(wrong(without_cases(file="/etc/passwd")))
    with pytest.raises(InputError, match=r"nothing\.csv cannot be read"):
        PLANNER.plan(spec_of(without_cases(file="nothing.csv")), folder=tmp_path)


def test_a_grid_that_is_too_large_says_what_it_is_made_of() -> None:
    said = str(wrong(spec_of_cases(600, repeats=100)))
    assert "The grid has 120,000 cells (2 templates, 1 models, 1 temperatures, 600 cases, 100 repeats)" in said


# --------------------------------------------------------------------------------------------------------- baselines


@pytest.mark.parametrize(
    ("baseline", "variant"),
    [
        (None, ("plain", 1, "m1", 0.0)),
        ("brief", ("brief", 1, "m1", 0.0)),
        ({"template": "plain", "temperature": 0.5}, ("plain", 1, "m1", 0.5)),
        ({"model": "m2"}, ("plain", 1, "m2", 0.0)),
        ("plain@2", ("plain", 2, "m1", 0.0)),
        ({"template": "plain", "alias": "production"}, ("plain", 1, "m1", 0.0)),
    ],
)
def test_the_baseline_is_the_first_variant_that_fits(baseline: Any, variant: tuple[Any, ...]) -> None:
    found = plan(templates=["plain", "plain@2", "brief"], models=["m1", "m2"], temperatures=[0, 0.5], baseline=baseline)
    assert tuple(found.baseline.values()) == variant
    assert tuple(found.baseline) == ("template", "version", "model", "temperature")


def test_a_baseline_that_no_variant_is_is_named() -> None:
    assert "baseline: no variant has template plain, temperature 1.5" in str(
        wrong(spec_of_cases(1, baseline={"template": "plain", "temperature": 1.5}))
    )


# -------------------------------------------------------------------------------------------------------------- plans


def test_a_plan_reads_back_from_its_document_with_the_same_cells() -> None:
    scorers = [{"type": "json_schema", "schema": {"type": "object"}}, {"type": "judge", "rubric": "r"}, "latency"]
    found = plan(templates=["plain@2", {"name": "own", "user": "{question}"}], scorers=scorers, temperatures=[0, 1])
    again = plan_of(found.document())
    assert again.document() == found.document()
    assert cells_of(again, "s") == cells_of(found, "s")
    assert found.document()["scorers"][1]["model"] == "default-model", "a plan does not change with a setting"


def test_the_key_of_a_plan_leaves_limits_out_and_nothing_else() -> None:
    keys = [plan(**changes).document()["key"] for changes in ({}, {"max_cost_usd": 3}, {"concurrency": 2})]
    assert len(set(keys)) == 1
    assert plan(repeats=2).document()["key"] != keys[0]
    assert plan(scorers=["exact"]).document()["key"] != keys[0]


def test_the_content_key_tells_servers_apart_and_not_a_slash_at_the_end() -> None:
    found = plan()
    one, same, other = (
        cells_of(found, server)[0].content_key for server in ("http://a/v1", "http://a/v1/", "http://b")
    )
    assert one == same != other


# --------------------------------------------------------------------------------------------------------------- YAML


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "spec.yaml, line 1, column 8"),
        ("a: 1\na: 2", "spec.yaml, line 2, column 1: the key 'a' stands twice"),
        ("a: &x [1]\nb: *x", "an alias (*) is not allowed here"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: \t- b", "spec.yaml, line 1"),
        ("\x00", "spec.yaml is no YAML"),
        ("[" * 5000, "spec.yaml"),
    ],
)
def test_rubbish_in_yaml_is_named_by_line_and_column(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_yaml(text, "spec.yaml")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_day_in_yaml_stays_a_text() -> None:
    assert read_yaml("day: 2026-11-24", "x") == {"day": "2026-11-24"}


def test_a_spec_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty.yaml").write_text("")
    for name, said in (
        ("nothing.yaml", "nothing.yaml cannot be read"),
        ("binary.yaml", "is no UTF-8 text"),
        ("empty.yaml", "empty.yaml: the spec must be a mapping"),
        (".", "cannot be read"),
    ):
        with pytest.raises(InputError) as caught:
            read_spec(tmp_path / name)
        assert said in str(caught.value)


def test_a_spec_file_is_yaml_or_json(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text('templates: [plain]\ncases:\n  - {question: "What?"}\n')
    (tmp_path / "a.json").write_text('{"templates": ["plain"], "cases": [{"question": "What?"}]}')
    assert read_spec(tmp_path / "a.yaml") == read_spec(tmp_path / "a.json")
