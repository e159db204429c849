"""The registry of prompts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from core.errors import InputError, LibraryError, NotFound, TemplateError
from core.ledger import Ledger, PromptStore, open_ledger
from core.ledger import prompts as prompts_module
from core.ledger.prompt_values import LONGEST_TEXT, parse_reference
from core.ledger.prompts import SHIPPED_BY
from core.prompts import TEMPLATES, PromptTemplate
from tests.ledger.samples import NASTY, START, Ticking


def made(user: str = "{question}?", name: str = "brief", system: str = "") -> PromptTemplate:
    return PromptTemplate(name, 0, system, user)


@pytest.fixture
def prompts(ledger: Ledger) -> PromptStore:
    return ledger.prompts


def saved(prompts: PromptStore, count: int, name: str = "brief") -> None:
    for number in range(1, count + 1):
        assert prompts.save(made(f"{number}: {{question}}", name)) == number


def test_a_version_reads_back_as_it_was_saved(prompts: PromptStore, clock: Ticking) -> None:
    assert prompts.save(made("{question}\n", system="Be brief. "), note=" shorter ", author="ada") == 1
    (found,) = prompts.versions("brief")
    assert found.template == PromptTemplate("brief", 1, "Be brief. ", "{question}\n")
    assert (found.note, found.author, found.created_at) == ("shorter", "ada", START)
    assert prompts.get("brief", 1) == found.template


def test_a_text_without_meaning_is_kept(prompts: PromptStore) -> None:
    prompts.save(made(NASTY))
    assert prompts.get("brief", "latest").user.startswith("tab\t")


def test_saving_the_newest_texts_again_gives_their_version(prompts: PromptStore) -> None:
    assert [prompts.save(made(text)) for text in ("a", "a", "b", "a")] == [1, 1, 2, 3]
    assert [version.user for version in prompts.versions("brief")] == ["a", "b", "a"]


def test_texts_that_are_split_otherwise_are_other_texts(prompts: PromptStore) -> None:
    assert prompts.save(made("b", system="a")) != prompts.save(made("ab"))


def test_many_saves_at_once_each_get_a_number_of_their_own(prompts: PromptStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda n: prompts.save(made(f"text {n}")), range(24)))
    assert sorted(numbers) == list(range(1, 25))


@pytest.mark.parametrize("name", ["", " ", "a@b", "x" * 101, "a\nb", "-"])
def test_a_name_that_cannot_be_is_named(prompts: PromptStore, name: str) -> None:
    with pytest.raises(InputError, match=r"cannot be a template's name|has no name"):
        prompts.save(made(name=name))


def test_a_text_that_no_model_takes_is_refused(prompts: PromptStore) -> None:
    with pytest.raises(InputError, match="200,001 characters"):
        prompts.save(made("x" * (LONGEST_TEXT + 1)))


def test_an_alias_means_a_version_until_it_is_moved(prompts: PromptStore, clock: Ticking) -> None:
    saved(prompts, 2)
    prompts.point("brief", "production", 1, author="ada")
    clock.forward(hours=1)
    prompts.point("brief", "production", 2)
    prompts.point("brief", "trial", 1)
    assert prompts.aliases("brief") == {"production": 2, "trial": 1}
    assert prompts.get("brief").version == 2
    assert prompts.get("brief", "trial").version == 1
    facts = [(move.alias, move.version, move.previous, move.author) for move in prompts.moves("brief")]
    assert facts == [("trial", 1, None, ""), ("production", 2, 1, ""), ("production", 1, None, "ada")]
    assert [newer.moved_at >= older.moved_at for newer, older in pairwise(prompts.moves("brief"))] == [True, True]


def test_pointing_where_it_points_already_is_no_move(prompts: PromptStore) -> None:
    saved(prompts, 1)
    prompts.point("brief", "production", 1)
    prompts.point("brief", "production", 1)
    assert len(prompts.moves("brief")) == 1


@pytest.mark.parametrize("alias", ["", "latest", "3", "a b", "a@b", "x" * 51])
def test_an_alias_that_cannot_be_is_named(prompts: PromptStore, alias: str) -> None:
    saved(prompts, 1)
    with pytest.raises(InputError, match="alias"):
        prompts.point("brief", alias, 1)


def test_rolling_back_twice_goes_back_two_versions(prompts: PromptStore) -> None:
    saved(prompts, 3)
    for version in (1, 2, 3):
        prompts.point("brief", "production", version)
    assert prompts.before("brief") == 2
    assert prompts.roll_back("brief", "production") == 2
    assert prompts.roll_back("brief", "production") == 1
    assert prompts.before("brief") is None
    with pytest.raises(NotFound, match="nowhere before"):
        prompts.roll_back("brief", "production")
    assert prompts.get("brief").version == 1
    assert [move.version for move in prompts.moves("brief")] == [1, 2, 3, 2, 1]


def test_a_promotion_after_a_roll_back_can_be_rolled_back(prompts: PromptStore) -> None:
    saved(prompts, 3)
    for version in (1, 2):
        prompts.point("brief", "production", version)
    prompts.roll_back("brief")
    prompts.point("brief", "production", 3)
    assert prompts.roll_back("brief") == 1


def test_a_removed_alias_means_nothing_and_its_history_stays(prompts: PromptStore) -> None:
    for text in ("one", "two"):
        prompts.point("brief", "trial", prompts.save(PromptTemplate("brief", 0, "", text)))
    prompts.remove_alias("brief", "trial", author="ada")
    assert prompts.aliases("brief") == {}
    with pytest.raises(NotFound, match="no alias 'trial'"):
        prompts.current("brief", "trial")
    removal = prompts.moves("brief")[0]
    assert (removal.version, removal.previous, removal.author) == (None, 2, "ada")
    with pytest.raises(NotFound):
        prompts.remove_alias("brief", "trial")
    assert prompts.roll_back("brief", "trial") == 2
    assert prompts.roll_back("brief", "trial") == 1


def test_production_cannot_be_removed(prompts: PromptStore) -> None:
    prompts.seed(TEMPLATES.values())
    with pytest.raises(InputError, match=r"cannot be removed. Promote another version instead"):
        prompts.remove_alias("cited-answer", "production")
    assert prompts.aliases("cited-answer") == {"production": 1}


def test_a_template_that_a_question_cannot_fill_is_refused_when_it_is_promoted(prompts: PromptStore) -> None:
    saved(prompts, 1)
    prompts.point("brief", "production", 1)
    prompts.save(made("{question} {mood} {tone}"))
    with pytest.raises(TemplateError, match=r"\{mood\} and \{tone\}"):
        prompts.point("brief", "production", 2)
    assert prompts.get("brief").version == 1
    prompts.point("brief", "trial", 2)
    assert prompts.get("brief", "trial").version == 2


def test_a_template_of_experiments_is_promoted_from_one_version_to_the_next(prompts: PromptStore) -> None:
    prompts.seed([made("{task}", "code")])
    prompts.save(made("Now {task}", "code"))
    prompts.point("code", "production", 2)
    assert prompts.get("code").version == 2


def test_what_is_not_there_is_said_with_what_is(prompts: PromptStore) -> None:
    saved(prompts, 2)
    with pytest.raises(NotFound, match="There is brief"):
        prompts.get("nope")
    with pytest.raises(NotFound, match="Its newest is 2"):
        prompts.get("brief", 3)
    with pytest.raises(NotFound, match="It has none; name a version: brief@2"):
        prompts.get("brief")
    prompts.point("brief", "trial", 1)
    with pytest.raises(NotFound, match=r"Its aliases are trial \(version 1\)"):
        prompts.get("brief", "gone")
    with pytest.raises(NotFound):
        prompts.point("brief", "production", 9)


def test_seeding_adds_what_is_missing_and_nothing_twice(prompts: PromptStore) -> None:
    prompts.seed(TEMPLATES.values())
    prompts.seed(TEMPLATES.values())
    assert prompts.names() == sorted(TEMPLATES)
    for name, shipped in TEMPLATES.items():
        assert prompts.get(name) == shipped
        assert [version.author for version in prompts.versions(name)] == [SHIPPED_BY]


def test_production_follows_what_a_newer_app_ships(prompts: PromptStore) -> None:
    prompts.seed([made("old")])
    prompts.seed([made("new")])
    assert prompts.get("brief").user == "new"
    prompts.seed([made("old")])
    assert prompts.get("brief").user == "new", "an older app beside it changes nothing"


def test_production_stays_at_a_version_of_ones_own(prompts: PromptStore) -> None:
    prompts.seed([made("old")])
    prompts.save(made("mine"))
    prompts.point("brief", "production", 2)
    prompts.seed([made("new")])
    assert prompts.get("brief").user == "mine"
    assert prompts.get("brief", "latest").user == "new"


def test_this_process_sees_its_promotion_at_once(prompts: PromptStore) -> None:
    saved(prompts, 2)
    prompts.point("brief", "production", 1)
    assert prompts.current("brief").version == 1
    prompts.point("brief", "production", 2)
    assert prompts.current("brief").version == 2
    prompts.roll_back("brief")
    assert prompts.current("brief").version == 1


def test_another_processs_promotion_is_seen_a_second_later(
    url: str, prompts: PromptStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(prompts, 2)
    prompts.point("brief", "production", 1)
    now = 100.0
    monkeypatch.setattr(prompts_module.time, "monotonic", lambda: now)
    assert prompts.current("brief").version == 1
    other = open_ledger(url)
    other.prompts.point("brief", "production", 2)
    other.close()
    assert prompts.current("brief").version == 1
    now += prompts_module.FRESH_S
    assert prompts.current("brief").version == 2


def test_what_was_read_is_repeated_where_the_ledger_fails(
    prompts: PromptStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(prompts, 1)
    prompts.point("brief", "production", 1)
    known = prompts.current("brief")

    def fail(*_: object) -> None:
        raise LibraryError("The disk is gone")

    monkeypatch.setattr(prompts, "get", fail)
    monkeypatch.setattr(prompts_module, "FRESH_S", 0.0)
    assert prompts.current("brief") == known
    with pytest.raises(LibraryError):
        prompts.current("other")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("brief", ("brief", "production")),
        ("brief@3", ("brief", 3)),
        ("brief@trial", ("brief", "trial")),
        ("brief@", ("brief", "production")),
        ("brief@9999999999", ("brief", "9999999999")),
        (" brief @ 3 ", ("brief", 3)),
    ],
)
def test_a_reference_is_a_name_with_a_version_or_an_alias(text: str, expected: tuple[str, int | str]) -> None:
    assert parse_reference(text) == expected
