"""Ask and its budgets: every call of a model is held and settled; where none is left, an earlier answer or quotes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from core.answering import Answering, AskRequest
from core.answering.live import LiveAnswer
from core.answering.paid import PaidChat
from core.cost.budgets import Budgets
from core.errors import BudgetExhausted, ModelBusy, ModelUnreachable
from core.ledger import BudgetScope, BudgetState
from core.models import AnswerStatus, Feedback, Usage
from core.ports import ChatModel
from tests.fakes.models import ScriptedChatModel, ScriptedReply
from tests.fakes.workshop import Workshop

WINE = "How long should red wine breathe?"
GOOD = "Red wine should breathe for 30 minutes [1]."


def price(model: str, usage: Usage, when: datetime, server: str | None = None) -> float | None:
    """A thousandth of a dollar for a token of the prompt, a hundredth for one of the answer."""
    if model != "scripted-model" or usage.prompt_tokens is None:
        return None
    return usage.prompt_tokens / 1000 + (usage.completion_tokens or 0) / 100


@pytest.fixture
def budgets(workshop: Workshop) -> Budgets:
    return Budgets(workshop.ledger.budgets, price=price)


class Desk:
    """Makes Answerings that share the budgets."""

    def __init__(self, workshop: Workshop, budgets: Budgets) -> None:
        self._workshop, self._budgets = workshop, budgets
        self.made: list[Answering] = []

    def __call__(self, chat: ChatModel) -> Answering:
        shop = self._workshop
        made = Answering(
            shop.ledger, shop.retriever, chat, shop.embedder, shop.settings, cost_of=price, budgets=self._budgets
        )
        self.made.append(made)
        return made


@pytest.fixture
def desk(workshop: Workshop, budgets: Budgets) -> Iterator[Desk]:
    made = Desk(workshop, budgets)
    yield made
    for answering in made.made:
        answering.close()


def state(budgets: Budgets) -> BudgetState:
    (found,) = budgets.states()
    return found


def test_an_answer_is_bounded_held_and_settled_with_the_cost_of_its_trace(desk: Desk, budgets: Budgets) -> None:
    budgets.add(1000)
    chat = ScriptedChatModel(GOOD)
    answer = desk(chat).ask(AskRequest(WINE))
    assert chat.calls[0].max_tokens == 4096
    assert answer.cost_usd == pytest.approx(0.1 + 0.2)
    assert (state(budgets).spent_usd, state(budgets).reserved_usd) == (pytest.approx(0.3), 0)


def test_a_name_without_a_price_that_the_server_answers_under_costs_what_the_name_that_was_asked_for_does(
    desk: Desk, budgets: Budgets, workshop: Workshop
) -> None:
    budgets.add(1000)
    answer = desk(ScriptedChatModel(GOOD, answers_as="deployment-7")).ask(AskRequest(WINE))
    assert (answer.model, answer.cost_usd) == ("deployment-7", pytest.approx(0.1 + 0.2))
    assert workshop.ledger.traces.get(answer.trace_id).answer.cost_usd == answer.cost_usd
    assert state(budgets).spent_usd == pytest.approx(answer.cost_usd)


def test_the_name_that_the_server_answers_under_is_priced_before_the_one_that_was_asked_for(desk: Desk) -> None:
    asked = ScriptedChatModel(GOOD, name="alias", answers_as="scripted-model")
    assert desk(asked).ask(AskRequest(WINE)).cost_usd == pytest.approx(0.1 + 0.2)
    neither = ScriptedChatModel(GOOD, name="alias", answers_as="deployment-7")
    assert desk(neither).ask(AskRequest(WINE)).cost_usd is None


def test_without_a_budget_an_answer_is_as_long_as_it_likes(desk: Desk, budgets: Budgets) -> None:
    chat = ScriptedChatModel(GOOD)
    assert desk(chat).ask(AskRequest(WINE)).status is AnswerStatus.ANSWERED
    assert chat.calls[0].max_tokens is None
    assert budgets.states() == []


def test_the_worst_case_is_held_while_the_answer_is_written(desk: Desk, budgets: Budgets) -> None:
    budgets.add(1000)
    seen = []
    chat = ScriptedChatModel(ScriptedReply(["Red wine ", lambda: seen.append(state(budgets)), "breathes [1]."]))
    desk(chat).ask(AskRequest(WINE))
    (while_written,) = seen
    assert while_written.reserved_usd > 4096 / 100
    assert while_written.spent_usd == 0


def test_rewriting_the_question_counts_as_well(desk: Desk, budgets: Budgets) -> None:
    budgets.add(1000)
    answering = desk(ScriptedChatModel(GOOD, "How long should red wine breathe?", GOOD))
    answering.ask(AskRequest(WINE, conversation_id="c"))
    answering.ask(AskRequest("And how long exactly?", conversation_id="c"))
    assert state(budgets).spent_usd == pytest.approx(3 * 0.3)


def test_a_used_up_budget_leaves_quotes_and_says_so(desk: Desk, budgets: Budgets, workshop: Workshop) -> None:
    budgets.add(0, name="Nothing")
    chat = ScriptedChatModel()
    answer = desk(chat).ask(AskRequest(WINE))
    assert answer.status is AnswerStatus.QUOTED
    assert answer.citations
    (notice,) = answer.notices
    assert notice.startswith("The budget Nothing ($0.00 a month) is used up until 20")
    assert notice.endswith(" So here are quotes instead of an answer.")
    assert chat.calls == []
    trace = workshop.ledger.traces.get(answer.trace_id)
    assert trace.prompt == ()
    assert trace.answer.model is None


def test_a_used_up_budget_gives_the_answer_that_the_question_got_before(
    desk: Desk, budgets: Budgets, workshop: Workshop
) -> None:
    first = desk(ScriptedChatModel(GOOD)).ask(AskRequest(WINE, user="ana"))
    budgets.add(0)
    chat = ScriptedChatModel()
    again = desk(chat).ask(AskRequest(WINE, user="bob"))
    assert (again.status, again.text, again.citations) == (AnswerStatus.ANSWERED, first.text, first.citations)
    assert again.cached
    assert again.trace_id != first.trace_id
    assert "So here is the answer that this question got on 20" in again.notices[0]
    assert again.model is None
    kept, original = (workshop.ledger.traces.get(key) for key in (again.trace_id, first.trace_id))
    assert kept.answer == again
    assert (kept.passages, kept.user, kept.prompt) == (original.passages, "bob", ())
    assert chat.calls == []


@pytest.mark.parametrize("change", ["thumb down", "another question", "another channel", "another language", "talked"])
def test_only_the_same_question_in_the_same_words_gets_an_earlier_answer(
    desk: Desk, budgets: Budgets, workshop: Workshop, change: str
) -> None:
    first = desk(ScriptedChatModel(GOOD)).ask(AskRequest(WINE, conversation_id="c"))
    budgets.add(0)
    if change == "thumb down":
        workshop.ledger.traces.save_feedback(Feedback(first.trace_id, -1), mirror=False)
    request = {
        "thumb down": AskRequest(WINE),
        "another question": AskRequest("How long should wine breathe?"),
        "another channel": AskRequest(WINE, channels=("The cellar",)),
        "another language": AskRequest(WINE, language="de"),
        "talked": AskRequest(WINE, conversation_id="c"),
    }[change]
    answer = desk(ScriptedChatModel()).ask(request)
    assert answer.status is AnswerStatus.QUOTED
    assert not answer.cached


def test_an_edited_library_gets_no_earlier_answer(desk: Desk, budgets: Budgets, workshop: Workshop) -> None:
    desk(ScriptedChatModel(GOOD)).ask(AskRequest(WINE))
    workshop.ledger.library.remove(["bread"])
    budgets.add(0)
    assert desk(ScriptedChatModel()).ask(AskRequest(WINE)).status is AnswerStatus.QUOTED


def test_a_budget_of_another_person_keeps_nobody_back(desk: Desk, budgets: Budgets) -> None:
    budgets.add(0, scope=BudgetScope.USER, subject="bob")
    assert desk(ScriptedChatModel(GOOD)).ask(AskRequest(WINE, user="ana")).status is AnswerStatus.ANSWERED
    assert desk(ScriptedChatModel()).ask(AskRequest(WINE, user="bob")).status is not AnswerStatus.FAILED


def test_a_local_model_is_not_kept_back_by_a_budget_of_0(desk: Desk, budgets: Budgets) -> None:
    budgets.add(0)
    chat = ScriptedChatModel(GOOD, name="local")
    assert desk(chat).ask(AskRequest(WINE)).status is AnswerStatus.ANSWERED
    assert chat.calls[0].max_tokens is None


@pytest.mark.parametrize(
    ("reply", "spends"),
    [
        (ModelBusy("wait"), False),
        (ModelUnreachable("refused", may_cost=False), False),
        (ScriptedReply(["Red wine", ModelUnreachable("broke off")]), True),
    ],
)
def test_a_call_that_failed_is_released_unless_the_server_may_charge_for_it(
    desk: Desk, budgets: Budgets, reply: Exception | ScriptedReply, spends: bool
) -> None:
    budgets.add(1000)
    assert desk(ScriptedChatModel(reply)).ask(AskRequest(WINE)).status is AnswerStatus.QUOTED
    assert state(budgets).reserved_usd == 0
    assert (state(budgets).spent_usd > 0) is spends


@pytest.mark.parametrize(("may_cost", "cost"), [(False, 0.0), (True, None)])
def test_a_call_that_never_reached_its_server_is_known_to_cost_nothing(
    desk: Desk, may_cost: bool, cost: float | None
) -> None:
    down = ScriptedReply([ModelUnreachable("The server cannot be reached", may_cost=may_cost)])
    answer = desk(ScriptedChatModel(down)).ask(AskRequest(WINE))
    assert (answer.status, answer.model, answer.cost_usd) == (AnswerStatus.QUOTED, "scripted-model", cost)


def test_an_answer_whose_tokens_nobody_counted_stays_spent_with_its_worst_case(desk: Desk, budgets: Budgets) -> None:
    budgets.add(1000)
    desk(ScriptedChatModel(ScriptedReply([GOOD], usage=Usage()))).ask(AskRequest(WINE))
    assert state(budgets).spent_usd > 4096 / 100


def test_an_answer_that_was_cut_by_the_bound_says_so(desk: Desk, budgets: Budgets) -> None:
    budgets.add(1000)
    answer = desk(ScriptedChatModel(ScriptedReply([GOOD], usage=Usage(100, 4096)))).ask(AskRequest(WINE))
    assert answer.notices == ("The answer was cut at 4,096 tokens, the most that its budget reckons with.",)


def test_a_stream_that_nobody_read_stays_spent(workshop: Workshop, budgets: Budgets) -> None:
    budgets.add(1000)
    live = LiveAnswer("t", AskRequest(WINE), workshop.ledger.budgets._clock())
    stream = PaidChat(ScriptedChatModel(GOOD), budgets, live, 100).stream([{"role": "user", "content": WINE}])
    stream.close()
    assert (state(budgets).reserved_usd, state(budgets).spent_usd > 1) == (0, True)


def test_a_model_that_fails_to_start_is_released(workshop: Workshop, budgets: Budgets) -> None:
    budgets.add(1000)
    live = LiveAnswer("t", AskRequest(WINE), workshop.ledger.budgets._clock())
    with pytest.raises(AssertionError, match="ran out"):
        PaidChat(ScriptedChatModel(), budgets, live, 100).stream([{"role": "user", "content": WINE}])
    assert (state(budgets).reserved_usd, state(budgets).spent_usd) == (0, 0)


def test_a_call_that_does_not_fit_is_not_begun(workshop: Workshop, budgets: Budgets) -> None:
    budgets.add(0.5)
    live, chat = LiveAnswer("t", AskRequest(WINE), workshop.ledger.budgets._clock()), ScriptedChatModel(GOOD)
    with pytest.raises(BudgetExhausted, match="the call may cost"):
        PaidChat(chat, budgets, live, 100).stream([{"role": "user", "content": WINE}])
    assert chat.calls == []
