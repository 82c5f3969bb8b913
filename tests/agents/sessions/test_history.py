"""A conversation in a prompt: the newest turns word for word, the oldest behind a summary."""

from hypothesis import given
from hypothesis import strategies as st

from agents.language.tokens import estimate_tokens
from agents.sessions.history import MIN_TOKENS, History, Turn


def talk(turns: int, words: int = 50, summary: str = "") -> History:
    made = [Turn(question=f"Question {n}?", answer=f"Answer {n}: " + f"word{n} " * words) for n in range(turns)]
    return History.of(summary, made, estimate_tokens)


def test_a_conversation_that_fits_stays_as_it_is() -> None:
    history = talk(3, summary="They spoke of lamps.")
    assert history.fitted(100_000, estimate_tokens) is history
    assert history.as_text().startswith("Summary of earlier turns: They spoke of lamps.\nUser: Question 0?\nAssistant:")


def test_the_oldest_turns_go_first_and_are_told_in_the_summary() -> None:
    fitted = talk(40).fitted(1_600, estimate_tokens)
    assert 0 < len(fitted.turns) < 40
    assert fitted.turns[-1].question == "Question 39?"
    assert fitted.summary.startswith('The conversation began with: "Question 0?"')
    assert estimate_tokens(fitted.as_text()) <= 1_600


def test_the_text_keeps_its_beginning_for_several_turns_on_end() -> None:
    beginnings = {talk(turns).fitted(8_000, estimate_tokens).turns[0].question for turns in range(200, 208)}
    assert len(beginnings) <= 2


def test_a_newest_turn_that_fits_alone_is_kept() -> None:
    history = History.of("", [*talk(5).turns, *talk(1, words=400).turns], estimate_tokens)
    assert len(history.fitted(520, estimate_tokens).turns) == 1


def test_without_room_nothing_is_left() -> None:
    assert talk(40).fitted(MIN_TOKENS - 1, estimate_tokens).as_text() == ""


@given(st.integers(0, 60), st.integers(1, 300), st.integers(-10, 6_000), st.text(max_size=2_000))
def test_it_never_takes_more_than_it_is_given(turns: int, words: int, limit: int, summary: str) -> None:
    fitted = talk(turns, words, summary).fitted(limit, estimate_tokens)
    # The words before the summary are counted with the prompt.
    head = "Summary of earlier turns: " if fitted.summary else ""
    assert estimate_tokens(fitted.as_text()) <= max(0, limit) + estimate_tokens(head)
