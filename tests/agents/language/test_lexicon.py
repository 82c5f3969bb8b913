import pytest

from agents.language.lexicon import LANGUAGES, NEGATIONS, detect_language, language_of, without_negating_prefix


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
        ("Arbejdet begynder den 1. september og slutter den 3. maj.", "Danish"),
        ("WO-1043 | 12 | 450", ""),
    ],
)
def test_a_language_is_told_by_its_function_words(text: str, language: str) -> None:
    assert detect_language(text) == language
    assert language_of(text).name == (language or "English")


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_negation_is_a_function_word_of_its_language(name: str) -> None:
    assert set() < LANGUAGES[name].negations <= LANGUAGES[name].function_words & NEGATIONS


@pytest.mark.parametrize(("word", "rest"), [("unable", "able"), ("antibody", "body"), ("able", None), ("into", None)])
def test_a_negating_prefix_leaves_a_word(word: str, rest: str | None) -> None:
    assert without_negating_prefix(word) == rest
