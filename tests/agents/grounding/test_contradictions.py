import pytest

from agents.grounding.contradictions import without_negating_prefix


@pytest.mark.parametrize(("word", "rest"), [("unable", "able"), ("antibody", "body"), ("able", None), ("into", None)])
def test_a_negating_prefix_leaves_a_word(word: str, rest: str | None) -> None:
    assert without_negating_prefix(word) == rest
