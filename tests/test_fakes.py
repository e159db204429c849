"""The fakes do what the tests that stand on them believe."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.adapters.openai_compat import OpenAIChat, OpenAIEmbedder
from core.errors import ModelUnreachable
from core.models import Chunk, Cue, Passage, Usage, Video
from core.prompts import TEMPLATES, format_passages, parse_tail
from tests.fakes.grounded import grounded_answer, pieces_of
from tests.fakes.models import ScriptedChatModel, ScriptedReply

ROOT = Path(__file__).parents[1]
TEXTS = [
    "Cosine similarity compares the directions of two vectors. It ignores their length.",
    "Bread rises in a warm oven. Salt slows the yeast.",
]


def prompt_for(question: str) -> tuple:
    passages = [
        Passage(
            Chunk(f"v{n}", 0, 0, text, (Cue(0, 0.0, 5.0),), ((0, len(text)),)),
            Video(f"v{n}", f"Talk {n}", "Lab"),
            n,
            1.0,
        )
        for n, text in enumerate(TEXTS, start=1)
    ]
    return TEMPLATES["cited-answer"].render(
        history="(none)", passages=format_passages(passages), question=question, language="English"
    )


def test_the_grounded_model_quotes_and_cites_the_passage_that_answers() -> None:
    reply = parse_tail(grounded_answer(prompt_for("What does cosine similarity compare in vectors?")))
    assert reply.text == "Cosine similarity compares the directions of two vectors [1]."
    assert reply.follow_ups == ("What does “Talk 1” say about this?", "What does “Talk 2” say about this?")


def test_the_grounded_model_refuses_what_the_passages_do_not_answer() -> None:
    reply = parse_tail(grounded_answer(prompt_for("Who won the football match yesterday?")))
    assert reply.looked_for == "Who won the football match yesterday?"


def test_the_grounded_model_repeats_a_question_that_it_shall_rewrite() -> None:
    prompt = TEMPLATES["condense-question"].render(history="(none)", question="And cosine?")
    assert grounded_answer(prompt) == "And cosine?"


def test_pieces_make_up_the_text() -> None:
    text = "  Some words,\n\nand extraordinarily long ones \n"
    assert "".join(pieces_of(text)) == text


def test_a_scripted_model_answers_in_pieces_and_records_what_it_was_asked() -> None:
    model = ScriptedChatModel("one two three four")
    stream = model.stream([{"role": "user", "content": "Why?"}], temperature=0.5)
    assert stream.usage == Usage()
    pieces = list(stream)
    assert len(pieces) > 1
    assert "".join(pieces) == "one two three four"
    assert stream.usage.prompt_tokens == 100
    assert (model.calls[0].messages[0]["content"], model.calls[0].temperature, model.left) == ("Why?", 0.5, 0)


def test_a_scripted_model_fails_when_its_script_runs_out() -> None:
    model = ScriptedChatModel()
    with pytest.raises(AssertionError, match="call 1 has no reply"):
        model.stream([])


def test_a_scripted_model_can_break_off_and_can_wait() -> None:
    seen: list[str] = []
    model = ScriptedChatModel(ScriptedReply(["one", lambda: seen.append("reached"), ModelUnreachable("cut")]))
    iterator = iter(model.stream([]))
    assert next(iterator) == "one"
    assert seen == []
    with pytest.raises(ModelUnreachable, match="cut"):
        next(iterator)
    assert seen == ["reached"]


@pytest.mark.server
def test_the_fake_server_runs_by_hand() -> None:
    """As its docstring says: a process that prints its address and answers chats and embeddings."""
    command = [sys.executable, "-m", "tests.fakes.openai_server", "--port", "0", "--latency-ms", "20", "--think"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        try:
            address = re.fullmatch(r"OPENAI_BASE_URL=(\S+)", process.stdout.readline().strip()).group(1)
            chat = OpenAIChat(base_url=address)
            reply = parse_tail("".join(chat.stream(prompt_for("What does cosine similarity compare in vectors?"))))
            assert reply.text.endswith("[1].")
            assert "look at the passages" not in reply.text
            assert OpenAIEmbedder(base_url=address).embed(["a", "b"]).shape == (2, 64)
        finally:
            process.terminate()
