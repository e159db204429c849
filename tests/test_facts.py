"""Contradictions between a claim and its source."""

from __future__ import annotations

import pytest

from core.facts import denies, missing_names, missing_numbers, names_in
from core.words import words


def _missing(claim: str, evidence: str, language: str = "en", theirs: str = "en") -> list[str]:
    return [n.text for n in missing_numbers(claim, evidence, language=language, evidence_language=theirs)]


def test_a_number_is_found_however_it_is_written() -> None:
    assert _missing("It has 10 million rows since 1984.", "ten million rows, since nineteen eighty-four") == []
    assert _missing("Two thirds.", "it is 2 thirds of it") == []
    assert _missing("Drei Bits.", "three bits", "de") == []


def test_a_number_or_unit_that_the_source_lacks_is_named() -> None:
    assert _missing("It took 20 minutes.", "it took 30 minutes") == ["20"]
    assert _missing("It took 30 minutes.", "it took 30 seconds") == ["30"]
    assert _missing("In 1998.", "in 1997") == ["1998"]


@pytest.mark.parametrize(
    ("claim", "evidence", "contradicts"),
    [
        ("Culture shock is not constructive.", "culture shock is constructive", True),
        ("Rotations do stretch space.", "since rotations never stretch or squish anything", True),
        ("Rotations do not stretch space.", "since rotations never stretch anything", False),
        ("The keys were not shorter.", "the broken keys were shorter by one character", True),
        ("He prefers not to touch the data.", "i like to keep it raw", False),
        ("Nobody else needs the changes.", "the changes live on your machine because no one else needs them", False),
        ("It works.", "it works, not slowly", False),
    ],
)
def test_a_claim_denies_its_source_only_with_the_same_words(claim: str, evidence: str, *, contradicts: bool) -> None:
    assert denies(claim, evidence, language="en") is contradicts


def test_names_are_capitals_inside_a_sentence() -> None:
    assert names_in("The system that Boeing called MCAS pitched I know.", "en") == ["Boeing", "MCAS"]
    assert names_in("Das Haus am See", "de") == []


def test_a_name_may_be_misheard_a_little() -> None:
    known = set(words("andrej karpathi said guerick and mlps"))
    assert missing_names("What Karpathy and Guericke call an MLP", known, "en") == []
    assert missing_names("What Einstein said", known, "en") == ["Einstein"]
