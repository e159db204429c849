"""The values of a rendered template are found again in its messages, or none are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mirror.variables import variables_of
from core.prompts import TEMPLATES, PromptTemplate, neutralise

DATA = st.text(max_size=60).map(neutralise)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
@given(data=st.data())
def test_what_a_shipped_template_was_rendered_with_renders_to_the_same_messages_again(
    template: PromptTemplate, data: st.DataObject
) -> None:
    values = {name: data.draw(DATA) for name in template.variables}
    messages = template.render(**values)
    found = variables_of({"system": template.system, "user": template.user}, messages)
    assert set(found) == set(values)
    assert template.render(**found) == messages


@given(st.text(), st.text(), st.text())
def test_any_template_and_message_tell_values_that_render_to_the_message_or_none(
    system: str, user: str, message: str
) -> None:
    messages = [{"role": "user", "content": message}]
    found = variables_of({"system": system, "user": user + "{name}"}, messages)
    if found:
        assert PromptTemplate("t", 1, system, user + "{name}").render(**found) == tuple(messages)


def test_a_variable_that_stands_twice_must_have_one_value() -> None:
    texts = {"user": "{a} and {a}"}
    assert variables_of(texts, [{"role": "user", "content": "x and x"}]) == {"a": "x"}
    assert variables_of(texts, [{"role": "user", "content": "x and y"}]) == {}


@pytest.mark.parametrize("texts", [{}, {"user": ""}, {"system": "{a}"}])
def test_a_text_that_is_no_template_tells_none(texts: dict[str, str]) -> None:
    assert variables_of(texts, [{"role": "user", "content": "x"}]) == {}


def test_messages_of_another_template_tell_none() -> None:
    assert variables_of({"user": "Q: {q}"}, [{"role": "user", "content": "something else"}]) == {}
    assert variables_of({"user": "Q: {q}"}, []) == {}
