from agents.documents.parsing.parsed import NEEDS_CLEANING, clean


def test_a_space_that_breaks_no_line_is_a_space_but_between_digits() -> None:
    text = "§\u00a05 of\u2009the act: 5\u202f000\u00a0euros"

    assert NEEDS_CLEANING.search(text)
    assert clean(text) == "§ 5 of the act: 5\u202f000 euros"


def test_an_ideographic_space_stays() -> None:
    assert clean("第一条\u3000目的") == "第一条\u3000目的"
