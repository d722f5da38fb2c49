"""One stored form of Vietnamese text, and keys that compare without accents."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from geodata.text import clean_text, search_key, slugify

VOWELS = "aăâeêioôơuưy"
TONES = "\u0300\u0301\u0303\u0309\u0323"
LETTERS = [unicodedata.normalize("NFC", vowel + tone) for vowel in VOWELS for tone in ("", *TONES)] + ["đ"]
VIETNAMESE = st.text(st.sampled_from([*LETTERS, *map(str.upper, LETTERS), *"bcxyz019 -./,'"]), max_size=40)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cn"]))


@given(ANY_TEXT)
def test_clean_text_stays_as_it_is_when_cleaned_again(words: str) -> None:
    once = clean_text(words)
    assert clean_text(once) == once


@given(ANY_TEXT)
def test_clean_text_is_composed(words: str) -> None:
    assert unicodedata.is_normalized("NFC", clean_text(words))


@given(ANY_TEXT)
def test_clean_text_has_single_plain_blanks_inside_and_none_outside(words: str) -> None:
    clean = clean_text(words)
    assert clean == " ".join(clean.split())


@given(VIETNAMESE)
def test_decomposed_and_composed_text_are_stored_alike(words: str) -> None:
    assert clean_text(unicodedata.normalize("NFD", words)) == clean_text(words)


def test_an_invisible_mark_between_letter_and_tone_does_not_keep_them_apart() -> None:
    assert clean_text("Nghi\u200b\u0303a") == "Nghĩa"


@pytest.mark.parametrize("false_d", ["\u00d0", "\u0189"])
def test_letters_that_only_look_like_the_vietnamese_d_are_repaired(false_d: str) -> None:
    assert clean_text(f"{false_d}ô thị \u00f0ẹp") == "Đô thị đẹp"


def test_control_characters_that_the_database_cannot_store_are_dropped() -> None:
    assert clean_text("Thôn\x00 1\x07") == "Thôn 1"


def test_wide_and_unbreakable_blanks_become_plain_ones() -> None:
    assert clean_text("Xã\u00a0 Nghĩa\u3000Đô\u2003\r\n") == "Xã Nghĩa Đô"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("words", ["Đường Trần Hưng Đạo", "ĐƯỜNG TRẦN HƯNG ĐẠO", "duong tran hung dao"])
def test_search_key_forgets_accents_case_and_unicode_form(words: str, form: str) -> None:
    assert search_key(unicodedata.normalize(form, words)) == "duong tran hung dao"


@given(VIETNAMESE)
def test_search_key_holds_plain_words_only(words: str) -> None:
    key = search_key(words)
    assert key == " ".join(key.split())
    assert all(mark in "abcdefghijklmnopqrstuvwxyz0123456789 " for mark in key)


def test_database_writes_the_same_search_key(connection: Connection) -> None:
    """The key is written at publish by SQL and asked for by Python: every letter must go the same way."""
    words = [f"{first}{second} - {first}" for first in LETTERS for second in (first.upper(), "b", " ")]
    words += ["Ðô thị \u00f0ẹp", "Sa Pa / Lào Cai (cũ)", "Ngõ 12/3, tổ 5", "Café Ñandú", "  ", "O'Neill"]
    found = connection.execute(
        text("SELECT ops.search_key(w) FROM unnest(CAST(:words AS text[])) AS w"), {"words": words}
    ).scalars()
    assert list(found) == [search_key(word) for word in words]


@given(VIETNAMESE)
def test_slug_has_the_form_that_addresses_in_the_web_need(words: str) -> None:
    slug = slugify(words)
    assert slug
    assert len(slug) <= 80
    assert not slug.startswith("-")
    assert not slug.endswith("-")
    assert all(mark.isascii() and (mark.islower() or mark.isdigit() or mark == "-") for mark in slug)


def test_a_name_without_any_letter_still_gets_a_slug() -> None:
    assert slugify("!!!") == "diem"
