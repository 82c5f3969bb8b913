from agents.engine.extractive.digest import digest
from agents.engine.tasks.reading import UpdateSummary


def fold(summary: str, *turns: str) -> str:
    return digest(UpdateSummary(summary=summary, turns=turns)).summary


def turn(question: str, answer: str) -> str:
    return f"User: {question}\nAssistant: {answer}"


def test_a_turn_becomes_its_question_and_the_telling_sentences_of_its_answer() -> None:
    answer = "Marit Okafor is the manager. [1]\n\nShe came in 2019. [2]\n\n**Sources**\n\n[1] Handbook, page 3"
    assert fold("", turn("Who is the manager?", answer)) == (
        "Asked: Who is the manager? Answered: Marit Okafor is the manager. She came in 2019."
    )


def test_the_beginning_and_the_newest_turns_stay_when_it_grows_too_long() -> None:
    summary = fold("", turn("Who wrote the lease?", "Ada Bell wrote it in 2001."))
    for number in range(100):
        summary = fold(summary, turn(f"What is rule {number}?", f"Rule {number} allows {number + 3} guests at a time."))

    assert len(summary) <= 2_400
    assert summary.startswith("Asked: Who wrote the lease? Answered: Ada Bell wrote it in 2001.")
    assert "Rule 99 allows 102 guests" in summary
    assert "Rule 50 " not in summary


def test_an_endless_turn_is_cut() -> None:
    assert len(fold("", turn("what " * 50_000, "word " * 50_000))) <= 500


def test_without_turns_the_summary_stays() -> None:
    summary = fold("", turn("Who?", "Ada."))
    assert fold(summary) == summary
