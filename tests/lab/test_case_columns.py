"""An uploaded file's columns as parts of test cases, and cases as a table."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.errors import InputError
from core.lab.case_columns import (
    cases_in,
    mapped_cases,
    merged,
    names_nothing,
    sheet_of,
    suggested_name,
    suggested_use,
    table_of,
)
from core.lab.from_trace import case_of_trace
from core.lab.passages import passages_in
from core.lab.registry import SAMPLE, difference, preview, review
from core.ledger import PromptVersion
from core.models import Answer, AnswerStatus, PassageRecord, TestCase, Trace
from core.prompts import TEMPLATES, PromptTemplate

CSV = b"Case,Question,Answer,Tone\nw1,How cold?,Eight,dry\nw2,How warm?,Room,\n"
USES = {
    "Case": ("id", ""),
    "Question": ("variable", "question"),
    "Answer": ("expected", ""),
    "Tone": ("left out", "tone"),
}


def test_a_columns_name_suggests_what_it_is() -> None:
    columns = sheet_of("wine.csv", CSV).columns
    assert [suggested_use(column) for column in columns] == ["id", "variable", "expected", "variable"]
    names = [suggested_name(column) for column in ("Question", "First name", "2nd", "a-b", "?")]
    assert names == ["question", "first_name", "column_2nd", "a_b", "column"]


def test_rows_become_cases_as_their_columns_are_used() -> None:
    assert mapped_cases(sheet_of("wine.csv", CSV), USES) == [
        TestCase("w1", {"question": "How cold?"}, "Eight"),
        TestCase("w2", {"question": "How warm?"}, "Room"),
    ]


def test_a_column_called_like_another_part_can_be_a_variable() -> None:
    rows = json.dumps([{"note": "a", "text": "b"}]).encode()
    uses = {"note": ("variable", "remark"), "text": ("note", "")}
    assert mapped_cases(sheet_of("x.json", rows), uses) == [TestCase("1", {"remark": "a"}, note="b")]


def test_variables_in_a_mapping_of_their_own_are_columns() -> None:
    data = b'{"id": "a", "variables": {"q": "x"}}\n{"id": "b", "variables": {"q": "y", "r": 2}}\n'
    assert sheet_of("x.jsonl", data).columns == ("id", "q", "r")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Question": ("left out", "")}, "No column is a variable"),
        ({"Tone": ("expected", "")}, "Two columns are used as expected"),
        ({"Tone": ("variable", "question")}, "Two columns are used as question"),
        ({"Tone": ("variable", "a b")}, r"'a b' cannot be a variable \(column Tone\)"),
        ({"Tone": ("variable", "tests")}, "'tests' cannot be a variable"),
    ],
)
def test_a_use_that_cannot_be_names_its_column(changes: dict[str, tuple[str, str]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        mapped_cases(sheet_of("wine.csv", CSV), USES | changes)


def test_a_file_of_too_many_rows_is_refused_with_the_limit() -> None:
    data = b"question\n" + b"why?\n" * 100_000
    with pytest.raises(InputError, match="more than 10,000 rows"):
        sheet_of("big.csv", data)


@pytest.mark.parametrize(("name", "data"), [("x.csv", b"question\n"), ("x.csv", b""), ("x.jsonl", b"[1]\n")])
def test_a_file_without_cases_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(InputError, match=name):
        sheet_of(name, data)


def test_new_cases_take_the_place_of_those_with_their_id_or_get_new_numbers() -> None:
    there = [TestCase("1", {"q": "old"}), TestCase("3", {"q": "third"})]
    new = [TestCase("1", {"q": "new"})]
    assert merged(there, new, own_ids=True) == [new[0], there[1]]
    assert [case.case_id for case in merged(there, [*new, *new], own_ids=False)] == ["1", "3", "4", "5"]


def test_a_table_gives_its_cases_back() -> None:
    cases = [TestCase("a", {"q": "1", "r": "2"}, "e", "t", "n", "trace-1"), TestCase("b", {"q": ""})]
    assert cases_in(table_of(cases), "wine") == cases


def test_a_row_without_an_id_gets_a_number_and_an_empty_one_is_left_out() -> None:
    rows = [{"id": "1", "q": "a"}, {"id": None, "q": "b", "trace": None}, {"id": "", "q": "", "trace": None}]
    assert [(case.case_id, case.variables) for case in cases_in(rows, "wine")] == [("1", {"q": "a"}), ("2", {"q": "b"})]


# --------------------------------------------------------------------------------------------------- from a trace


def test_a_trace_becomes_a_case_that_fills_the_templates_of_ask() -> None:
    answer = Answer("t2", AnswerStatus.ANSWERED, "Eight <b> [1].", "de")
    record = PassageRecord("wine:0", "wine", "Wine", "Cellar", 1, 2, "Served at eight.", 1, 0.9, {}, None)
    trace = Trace("t2", "ask", datetime(2026, 1, 1, tzinfo=UTC), "And <white>?", (), answer, passages=(record,))
    case = case_of_trace(trace, [replace(trace, question="Which wine?")], expected=" Ten. ")
    assert (case.case_id, case.trace_id, case.expected) == ("t2", "t2", "Ten.")
    assert (case.variables["question"], case.variables["language"]) == ("And ‹white›?", "German")
    assert case.variables["history"].startswith("Asked: Which wine?\nAnswered: Eight")
    assert [passage.chunk.text for passage in passages_in(case.variables["passages"])] == ["Served at eight."]
    assert TEMPLATES["cited-answer"].render(**case.variables)


# ------------------------------------------------------------------------------------------ what is said of a template


def test_missing_and_unused_variables_and_slips_are_named() -> None:
    found = review(PromptTemplate("t", 1, "Be { kind }.", "{mood}\n{question"), ["question", "language"])
    assert (found.variables, found.missing, found.unused) == (("mood",), ("mood",), ("question", "language"))
    assert found.slips == (("system", 1, "{ kind }"), ("user", 2, "{question"))


def test_a_preview_leaves_what_nothing_fills() -> None:
    (message,) = preview(PromptTemplate("t", 1, "", "{mood}: {question} {{mood}}"), {"question": "{mood}?"})
    assert message["content"] == "{mood}: {mood}? {mood}"


def test_the_sample_fills_what_ships() -> None:
    assert review(TEMPLATES["cited-answer"], SAMPLE).missing == ()
    assert review(TEMPLATES["cited-answer"], SAMPLE).unused == ()


def test_a_difference_is_that_of_the_lines() -> None:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    old = PromptVersion("t", 1, "", "a\nb", "", "", when)
    new = replace(old, version=2, user="a\nc", system="s")
    assert [line for line in difference(old, new).splitlines() if line[0] in "+-"] == [
        "--- version 1", "+++ version 2", "+s", "-b", "+c",
    ]  # fmt: skip
    assert difference(old, old) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("What is a vector?,A list of numbers\nWhat is cosine?,An angle\n", True),
        ("17,18\n19,20\n", True),
        ("vector,vector\nvector,cosine\n".replace("vector,vector", "vector,angle"), True),
        ("question,expected\nWhat is a vector?,A list\n", False),
        ("tone,question\nglad,What?\n", False),
        ("Prompt text,Reference\nWhat?,A list\n", False),
    ],
)
def test_a_file_without_names_of_columns_is_noticed(text: str, said: bool) -> None:
    assert names_nothing(sheet_of("a.csv", text.encode())) is said


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_an_empty_file_is_named(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is empty"):
        sheet_of(name, b" \n")
