import pytest

from agents.engine.extractive.matching import unmentioned

TEXT = (
    "The reading room opens at nine. A reader may borrow five volumes; the fee is 20 euros. "
    "On 2 February a company holds what one man chose."
)


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("When does the reading room open?", ()),
        ("How many volumes can be borrowed by readers?", ()),
        ("What is the price?", ()),
        ("Who feeds the submarine, and when does the submarine leave?", ("feeds", "submarine", "leave")),
        ("Is it 30 or 2026 or B2?", ()),
        ("Which companies are holding it in February?", ()),
        ("Hello, please tell me how long a reader may borrow it. Thank you!", ()),
        ("", ()),
    ],
)
def test_words_that_a_text_uses_in_no_form_are_named_once(question: str, missing: tuple[str, ...]) -> None:
    assert unmentioned(question, [TEXT]) == missing


def test_of_several_texts_one_is_enough() -> None:
    assert unmentioned("Where is the submarine?", [TEXT, "A submarine is not here."]) == ()
