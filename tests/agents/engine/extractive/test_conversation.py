import pytest

from agents.engine.extractive.conversation import standalone_question, update_summary
from agents.engine.tasks.decisions import StandaloneQuestion
from agents.engine.tasks.reading import UpdateSummary


def self_contained(question: str, *turns: tuple[str, str]) -> str:
    history = "\n".join(f"User: {asked}\nAssistant: {answer}" for asked, answer in turns)
    return standalone_question(StandaloneQuestion(question=question, history=history)).question


MANAGER = ("Who is the station manager?", "Ingrid Solberg has been Station Manager since 2019. [1]")


@pytest.mark.parametrize(
    "question",
    ["And the annual one?", "Why?", "When did she begin to work at the station?", "Wer ist ihr Stellvertreter dort?"],
)
def test_a_follow_up_is_asked_together_with_the_question_before_it(question: str) -> None:
    assert self_contained(question, MANAGER) == f"{question[:-1]} (Who is the station manager)?"


@pytest.mark.parametrize(
    "question",
    [
        "Which consumers keep power at low frequency?",
        "What did the last inspection of the battery find?",
        "Where does the crane stand?",
        "Welche Frist gilt bei der Kündigung durch den Mieter?",
        "图书馆每年什么时候闭馆整理图书？",
    ],
)
def test_a_question_that_stands_alone_is_not_changed(question: str) -> None:
    assert self_contained(question, MANAGER) == question


def test_a_chain_of_follow_ups_carries_its_beginning() -> None:
    turns = [("How often is the Lower Tank cleaned?", "Each April."), ("And the Upper Tank?", "Every three years.")]
    found = self_contained("Who cleans it?", *turns)
    assert found == "Who cleans it (And the Upper Tank (How often is the Lower Tank cleaned))?"


def test_without_a_conversation_nothing_changes() -> None:
    assert self_contained("Who replaces her?") == "Who replaces her?"


def test_a_follow_up_in_another_language_carries_the_question_before_it() -> None:
    turn = ("Wann wird der Filter gereinigt?", "Jeden Montag.")
    assert self_contained("Und der andere?", turn) == "Und der andere (Wann wird der Filter gereinigt)?"


def test_an_endless_question_is_left_alone() -> None:
    question = "and it " * 20_000
    assert self_contained(question, MANAGER) == question


def fold(summary: str, *turns: str) -> str:
    return update_summary(UpdateSummary(summary=summary, turns=turns)).summary


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
