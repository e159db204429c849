"""Clean text and encodings."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sources.text import clean_text, encoding_of, shown


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("vec\u200btor da\u00adta\u2060base", "vector database"),
        ("\u202eevil\u202c and \u2066isolated\u2069", "evil and isolated"),
        ("nul\x00byte", "nulbyte"),
        ("two\x0blines\u2028here\x85now", "two lines here now"),
        ("cafe\u0301", "caf\u00e9"),
        ("\ufeffmark", "mark"),
        ("hid\U000e0068\U000e0069den", "hidden"),
        ("lone\ud800surrogate", "lonesurrogate"),
        ("a\u200db\u200c c", "ab c"),
    ],
)
def test_invisible_characters_go(dirty: str, clean: str) -> None:
    """What nobody sees is dropped, line ends become spaces, letters are composed."""
    assert clean_text(dirty) == clean


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian: half space
        "\u0915\u094d\u200d\u0937",  # Hindi: joined form
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 family",  # emoji
        "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",  # right to left
        "\u4eca\u5929\u5929\u6c14 \u2764\ufe0f",
    ],
)
def test_meaningful_characters_stay(text: str) -> None:
    """Joiners of Persian, Hindi and emoji, right-to-left letters and variation marks are part of the text."""
    assert clean_text(text) == text


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    """Cleaning is idempotent and leaves no line end."""
    once = clean_text(text)
    assert clean_text(once) == once
    assert "\n" not in once
    once.encode("utf-8")


@pytest.mark.parametrize(
    ("encoded", "encoding"),
    [
        ("Grüße".encode(), "utf-8"),
        ("Grüße".encode("utf-8-sig"), "utf-8-sig"),
        ("Grüße".encode("utf-16"), "utf-16"),
        ("Plain words".encode("utf-16-le"), "utf-16-le"),
        ("Plain words".encode("utf-16-be"), "utf-16-be"),
        ("Grüße".encode("latin-1"), "cp1252"),
        (b"Gr\xfc\xdfe \x81", "latin-1"),
        (b"nul \x00 byte", "utf-8"),
        (b"", "utf-8"),
    ],
)
def test_the_encoding_is_found(encoded: bytes, encoding: str) -> None:
    """By mark, by validity, by zero bytes, else Windows-1252 or Latin-1; the file stands at its begin again."""
    file = io.BytesIO(encoded)
    assert encoding_of(file) == encoding
    assert file.tell() == 0


def test_a_multibyte_character_at_a_block_border_is_utf8() -> None:
    """A character that is cut by the block size is not taken for another encoding."""
    assert encoding_of(io.BytesIO(b"a" * ((1 << 20) - 1) + "ü".encode())) == "utf-8"


def test_untrusted_text_in_a_message_is_one_short_line() -> None:
    """Long names are cut, line ends and control characters gone."""
    assert shown("a\nb\x1b[31m") == "a b [31m"
    assert len(shown("x" * 500)) == 80
