"""A trace and its thumb as the mirror is told of them: complete, clean, bounded, under the names that others use."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flatten_dict import flatten
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.mirror.cleaning import MOST_CHARS
from core.mirror.records import (
    MOST_PARAMETER_CHARS,
    from_document,
    metadata_of,
    record_id,
    thumb_of,
    to_document,
    trace_record,
)
from core.models import (
    Answer,
    AnswerStatus,
    Citation,
    Claim,
    Feedback,
    MirrorRecord,
    PassageRecord,
    Span,
    Trace,
    Usage,
)
from core.prompts import TEMPLATES
from tests.ledger.samples import START, running, trace
from tests.mirror.test_cleaning import ANY_TEXT, ANY_VALUE, as_json

TRACE_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
TEMPLATE = TEMPLATES["cited-answer"]
TEXTS = {"system": TEMPLATE.system, "user": TEMPLATE.user}
VALUES = {
    "history": "(none)",
    "passages": '<passage n="1" title="T" channel="C">\nWhat {question} was said\n</passage>',
    "question": "What is a vector?",
    "language": "English",
}
LARGEST_BYTES = 4_000_000


def node(record: MirrorRecord, name: str) -> dict[str, Any]:
    [found] = [one for one in record.chain["chain_nodes"] if one["name"] == name]
    return dict(found)


@pytest.mark.parametrize("trace_id", [TRACE_ID, TRACE_ID.upper(), TRACE_ID.replace("-", "")])
def test_a_trace_id_of_32_hex_digits_is_the_records_id(trace_id: str) -> None:
    assert record_id(trace_id) == "01890a5dac96774bbcceb302099a8057"


@pytest.mark.parametrize("trace_id", ["", "t1", "ü\ud800", "0" * 31, "0" * 33, "g" * 32, "０" * 32])
def test_any_other_trace_id_is_hashed_to_one(trace_id: str) -> None:
    found = record_id(trace_id)
    assert len(found) == 32
    assert set(found) <= set("0123456789abcdef")
    assert found != trace_id


def test_parameters_stand_under_the_names_of_the_openai_logger_and_ours() -> None:
    parameters = trace_record(trace(TRACE_ID)).parameters
    assert parameters == {
        "created_from": "cuepoint",
        "trace_id": TRACE_ID,
        "kind": "ask",
        "status": "answered",
        "started_at": START.astimezone(UTC).isoformat(),
        "model": "gpt-x",
        "temperature": 0.25,
        "template": "answer",
        "template_version": 3,
        "usage.prompt_tokens": 101,
        "usage.completion_tokens": 102,
        "usage.total_tokens": 203,
        "usage.prompt_tokens_details.cached_tokens": 103,
        "usage.completion_tokens_details.reasoning_tokens": 104,
        "cost_usd": 0.00125,
        "latency_ms": 905.25,
        "ttft_ms": 210.5,
        "language": "de",
        "conversation_id": "talk-1",
        "user": "ada@example.org",
        "cached": True,
        "error": "cut",
    }


def test_metadata_flattens_to_the_parameters_as_comet_llm_does_it() -> None:
    """comet_llm's convert.py is this call, and leaves None out."""
    record = trace_record(trace(TRACE_ID))
    flat = flatten(record.chain["metadata"], reducer="dot")
    assert {name: value for name, value in flat.items() if value is not None} == record.parameters


def test_what_nobody_measured_is_left_out_and_never_0() -> None:
    record = trace_record(running(TRACE_ID))
    assert set(record.parameters) == {
        "created_from", "trace_id", "kind", "status", "started_at", "language", "cached"
    }  # fmt: skip
    assert record.metrics == {"passages": 0, "citations": 0}
    assert record.chain["chain_duration"] is None
    assert "usage" not in record.chain["metadata"]


def test_a_total_is_told_only_where_both_its_parts_were_counted() -> None:
    counted = trace_record(trace(TRACE_ID, answer_changes={"usage": Usage(prompt_tokens=7)}))
    assert counted.parameters["usage.prompt_tokens"] == 7
    assert "usage.total_tokens" not in counted.parameters
    assert "usage.total_tokens" not in counted.metrics


def test_metrics_are_numbers_worth_a_chart() -> None:
    assert trace_record(trace(TRACE_ID)).metrics == {
        "chain_duration": 905.25,
        "ttft_ms": 210.5,
        "cost_usd": 0.00125,
        "usage.prompt_tokens": 101,
        "usage.completion_tokens": 102,
        "usage.total_tokens": 203,
        "passages": 2,
        "best_score": 0.75,
        "citations": 1,
        "supported_share": 1.0,
    }


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -5.0])
def test_a_duration_or_cost_that_cannot_be_is_left_out(wrong: float) -> None:
    record = trace_record(trace(TRACE_ID, answer_changes={"latency_ms": wrong, "cost_usd": wrong, "ttft_ms": wrong}))
    assert not {"latency_ms", "cost_usd", "ttft_ms"} & set(record.parameters)
    assert not {"chain_duration", "cost_usd", "ttft_ms"} & set(record.metrics)


def test_tags_name_where_it_comes_from_what_became_of_it_and_its_template() -> None:
    assert trace_record(trace(TRACE_ID)).tags == ("cuepoint", "ask", "answered", "answer:v3", "gpt-x", "de")
    assert trace_record(running(TRACE_ID)).tags == ("cuepoint", "ask", "running", "en")


def test_the_chain_holds_question_answer_and_citations_with_video_second_and_quote() -> None:
    chain = trace_record(trace(TRACE_ID)).chain
    assert (chain["version"], chain["category"]) == (3, "chain")
    assert chain["chain_inputs"] == {
        "question": "What is a vector?",
        "channels": ["Channel A", "Channel B"],
        "language": "de",
    }
    assert chain["chain_outputs"]["answer"] == "Vectors are lists of numbers [1]."
    [citation] = chain["chain_outputs"]["citations"]
    assert {name: citation[name] for name in ("n", "video", "second", "quote")} == {
        "n": 1,
        "video": "v",
        "second": 1.5,
        "quote": "a list of numbers",
    }


def test_each_span_is_a_node_with_its_times_in_milliseconds() -> None:
    record = trace_record(trace(TRACE_ID))
    begin = round(START.timestamp() * 1000)
    assert record.chain["start_timestamp"] == begin
    assert record.chain["end_timestamp"] == begin + 905
    retrieve, generate = record.chain["chain_nodes"]
    assert [retrieve["id"], generate["id"]] == [1, 2]
    assert [retrieve["category"], generate["category"]] == ["context-retrieval", "llm-call"]
    assert (retrieve["start_timestamp"], retrieve["end_timestamp"]) == (begin, begin + 12)
    assert (generate["start_timestamp"], generate["duration"]) == (begin + 13, 880.0)
    assert [passage["rank"] for passage in retrieve["outputs"]["passages"]] == [1, 2]
    assert retrieve["metadata"]["mode"] == "hybrid"
    assert generate["metadata"]["error"] == "the stream was cut"


def test_the_node_of_the_call_holds_template_variables_messages_and_output() -> None:
    asked = trace(TRACE_ID, prompt=TEMPLATE.render(**VALUES), template="cited-answer", template_version=1)
    call = node(trace_record(asked, template_text=TEXTS), "generate")
    assert call["inputs"]["final_prompt"] == [dict(message) for message in asked.prompt]
    assert call["inputs"]["prompt_template"] == TEXTS
    assert call["inputs"]["prompt_template_variables"] == VALUES
    assert call["outputs"] == {"output": "Vectors are lists of numbers [1]."}
    assert call["metadata"]["usage"]["prompt_tokens"] == 101
    assert call["metadata"]["temperature"] == 0.25


def test_a_template_that_does_not_give_the_messages_tells_no_variables() -> None:
    call = node(trace_record(trace(TRACE_ID), template_text=TEXTS), "generate")
    assert call["inputs"]["prompt_template_variables"] == {"question": "What is a vector?"}


def test_what_a_failed_model_had_written_is_the_output_of_its_call_not_the_quotes() -> None:
    spans = (Span("generate", 0, 1, {"partial": "Vectors are"}, "cut"),)
    quoted = trace(TRACE_ID, answer_changes={"status": AnswerStatus.QUOTED, "text": "> a quote"}, spans=spans)
    assert node(trace_record(quoted), "generate")["outputs"] == {"output": "Vectors are"}


def test_passages_and_prompt_of_a_trace_without_such_steps_have_nodes_without_times() -> None:
    record = trace_record(trace(TRACE_ID, spans=(Span("check", 1, 2),)))
    assert [one["name"] for one in record.chain["chain_nodes"]] == ["check", "retrieve", "generate"]
    assert node(record, "generate")["start_timestamp"] is None
    assert "duration" not in node(record, "generate") or node(record, "generate")["duration"] is None


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (Span("x", -3.0, -1.0), {"start_timestamp": -3, "end_timestamp": None, "duration": None}),
        (Span("x", float("nan"), 2.0), {"start_timestamp": None, "end_timestamp": None, "duration": 2.0}),
        (Span("x", 1e300, 2.0), {"start_timestamp": None, "end_timestamp": None, "duration": 2.0}),
    ],
)
def test_a_step_whose_clock_went_wrong_has_no_wrong_times(span: Span, told: dict[str, Any]) -> None:
    begin = round(START.timestamp() * 1000)
    found = node(trace_record(trace(TRACE_ID, spans=(span,), passages=(), prompt=())), "x")
    start = None if found["start_timestamp"] is None else found["start_timestamp"] - begin
    assert {"start_timestamp": start, "end_timestamp": found["end_timestamp"], "duration": found["duration"]} == told


@pytest.mark.parametrize("year", [1, 1969, 2150, 9999])
def test_a_trace_of_another_century_has_its_time_as_text_only(year: int) -> None:
    record = trace_record(trace(TRACE_ID, started_at=START.replace(year=year)))
    assert record.chain["start_timestamp"] is None
    assert record.parameters["started_at"].startswith(f"{year:04d}-")


def test_a_prompt_of_5_mb_is_cut_and_says_so() -> None:
    huge = trace(TRACE_ID, prompt=({"role": "user", "content": "😀" * 5_000_000},), error="e" * 5000)
    record = trace_record(huge)
    [message] = node(record, "generate")["inputs"]["final_prompt"]
    assert message["content"].endswith(f"({5_000_000 - MOST_CHARS:,} characters more)")
    assert len(str(record.parameters["error"])) < MOST_PARAMETER_CHARS + 50
    assert len(as_json(to_document(record))) < LARGEST_BYTES


def test_ten_thousand_steps_and_passages_are_bounded() -> None:
    huge = trace(TRACE_ID)
    many = replace(huge, spans=huge.spans * 5000, passages=huge.passages * 5000, question="q" * 10**6)
    assert len(as_json(to_document(trace_record(many)))) < LARGEST_BYTES


FLOATS = st.one_of(st.none(), st.floats(), st.floats(-10, 10))
COUNTS = st.one_of(st.none(), st.integers())
TIMES = st.datetimes(timezones=st.one_of(st.none(), st.just(UTC)))
CITATIONS = st.builds(
    Citation, n=st.integers(), video_id=ANY_TEXT, title=ANY_TEXT, channel=ANY_TEXT, start_s=st.floats(),
    end_s=st.floats(), quote=ANY_TEXT, url=st.one_of(st.none(), ANY_TEXT), chunk_id=ANY_TEXT,
)  # fmt: skip
ANSWERS = st.builds(
    Answer, trace_id=ANY_TEXT, status=st.sampled_from(list(AnswerStatus)), text=ANY_TEXT, language=ANY_TEXT,
    citations=st.lists(CITATIONS, max_size=2).map(tuple),
    claims=st.lists(st.builds(Claim, ANY_TEXT, st.just(()), supported=st.booleans(), support=FLOATS), max_size=2),
    follow_ups=st.lists(ANY_TEXT, max_size=2).map(tuple), model=st.one_of(st.none(), ANY_TEXT),
    usage=st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS), cost_usd=FLOATS, ttft_ms=FLOATS, latency_ms=FLOATS,
)  # fmt: skip
PASSAGES = st.builds(
    PassageRecord, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT, st.floats(), st.floats(), ANY_TEXT, st.integers(),
    st.floats(), st.dictionaries(ANY_TEXT, st.floats(), max_size=2), st.none(),
)  # fmt: skip
SPANS = st.builds(
    Span, st.sampled_from(["retrieve", "render", "generate", "check", "\ud800"]), st.floats(), st.floats(),
    st.dictionaries(ANY_TEXT, ANY_VALUE, max_size=3), st.one_of(st.none(), ANY_TEXT),
)  # fmt: skip
TRACES = st.builds(
    Trace, trace_id=ANY_TEXT, kind=ANY_TEXT, started_at=TIMES, question=ANY_TEXT,
    channels=st.lists(ANY_TEXT, max_size=2).map(tuple), answer=ANSWERS, user=ANY_TEXT, template=ANY_TEXT,
    template_version=COUNTS, temperature=FLOATS,
    prompt=st.lists(st.dictionaries(st.sampled_from(["role", "content"]), ANY_TEXT), max_size=2).map(tuple),
    passages=st.lists(PASSAGES, max_size=2).map(tuple), spans=st.lists(SPANS, max_size=3).map(tuple),
    error=st.one_of(st.none(), ANY_TEXT), library_version=st.one_of(st.none(), ANY_TEXT),
)  # fmt: skip


@given(TRACES, st.one_of(st.none(), st.dictionaries(st.sampled_from(["system", "user"]), ANY_TEXT)))
@settings(max_examples=150, deadline=None)
def test_any_trace_has_a_record_that_is_json_and_comes_back_from_its_document(
    given_trace: Trace, texts: dict[str, str] | None
) -> None:
    record = trace_record(given_trace, template_text=texts)
    document = json.loads(as_json(to_document(record)))
    assert len(as_json(document)) < LARGEST_BYTES
    again = from_document(document)
    assert replace(again, metrics={}) == replace(record, metrics={})
    assert again.metrics == {name: float(value) for name, value in record.metrics.items()}
    assert all(value is not None for value in record.parameters.values())


def test_a_thumb_tells_its_value_and_the_words_that_there_are() -> None:
    thumb = thumb_of(Feedback(TRACE_ID, -1, reason="wrong", comment="\ud800", correction=""))
    assert (thumb.id, thumb.value) == (record_id(TRACE_ID), -1)
    assert thumb.texts == {"reason": "wrong", "comment": "\ufffd"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": "short"}, "id"),
        ({"paramters": {}}, "paramters"),
        ({"metrics": {"cost_usd": "a lot"}}, "metrics.cost_usd"),
        ({"parameters": {"model": ["x"]}}, "parameters.model"),
        ({"tags": "one"}, "tags"),
        ({"chain": None}, "chain"),
    ],
)
def test_a_mended_document_that_is_no_record_is_refused_by_the_part_that_is_wrong(
    change: dict[str, Any], named: str
) -> None:
    document = to_document(trace_record(trace(TRACE_ID)))
    with pytest.raises(InputError) as refused:
        from_document(document | change)
    assert refused.value.subject == named
    assert named in str(refused.value)


@pytest.mark.parametrize("document", [None, [], "{}", 3, {}])
def test_what_is_no_document_is_refused(document: object) -> None:
    with pytest.raises(InputError, match="record"):
        from_document(document)


def test_a_mended_document_is_cleaned_again() -> None:
    document = to_document(trace_record(trace(TRACE_ID)))
    mended = document | {
        "parameters": {"a": float("nan"), "b": "x\0"},
        "metrics": {"m": float("inf"), "n": 2},
        "chain": {"x": "\ud800"},
    }
    record = from_document(mended)
    assert record.parameters == {"b": "x\ufffd"}
    assert record.metrics == {"n": 2}
    assert record.chain == {"x": "\ufffd"}


def test_the_time_of_a_trace_is_told_in_utc() -> None:
    metadata = metadata_of(trace(TRACE_ID, started_at=datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(microseconds=5)))
    assert metadata["started_at"] == "2026-03-01T12:00:00.000005+00:00"
