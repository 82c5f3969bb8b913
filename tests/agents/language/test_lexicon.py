from pathlib import Path

import pytest

from agents.language.language import Language
from agents.language.lexicon import LANGUAGES, NEGATIONS, detect_language, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("A reader may borrow 5 volumes.", "English"),
        ("Wer prüft eine Pumpe?", "German"),
        ("Combien coûte l'entrée ?", "French"),
        ("¿Cuánto cuesta la entrada?", "Spanish"),
        ("Quanto costa la visita?", "Italian"),
        ("Hoe lang duurt de rondleiding?", "Dutch"),
        ("Quando é o prazo?", "Portuguese"),
        ("متى بدأ العمل في هذا المصنع؟", "Arabic"),
        ("Arbejdet begynder den 1. september og slutter den 3. maj.", "Danish"),
        ("WO-1043 | 12 | 450", ""),
    ],
)
def test_a_language_is_told_by_its_function_words(text: str, language: str) -> None:
    assert detect_language(text) == language
    assert language_of(text).name == (language or "English")


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_negation_is_a_function_word_of_its_language(name: str) -> None:
    assert set() < set(LANGUAGES[name]["negations"]) <= LANGUAGES[name].function_words & NEGATIONS


@pytest.mark.parametrize("name", ["English", "German", "French", "Spanish", "Italian", "Portuguese", "Dutch"])
def test_a_language_that_is_answered_in_knows_numbers_dates_sentences_and_places(name: str) -> None:
    language = LANGUAGES[name]

    assert (language.numbers[language["units"][2]], len(language["months"]) >= 12) == (2, True)
    assert all((language["amounts"], language["computing"], language["abbreviations"], language["openers"]))
    assert all(
        (language["chapters"], language["annexes"], language["sheets"], language["before_places"], language["last"])
    )


def test_words_of_a_file_are_parted_by_white_space_and_hold_a_space_where_a_tilde_stands(tmp_path: Path) -> None:
    file = tmp_path / "gaelic.toml"
    file.write_text('name = "Gaelic"\nsmall_words = "an na"\nunits = ". aon dhà"\ncomputing = "sa~cheud"\n', "utf-8")

    language = Language.load(file)

    assert language.function_words == {"an", "na"}
    assert language.numbers == {"aon": 1, "dhà": 2}
    assert language["computing"] == ("sa cheud",)
    assert not language.unspaced


def test_a_key_that_no_language_has_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "gaelic.toml"
    file.write_text('name = "Gaelic"\nsmal_words = "an na"\n', "utf-8")

    with pytest.raises(TypeError, match="smal_words"):
        Language.load(file)
