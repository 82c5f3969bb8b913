import pytest

from agents.engine.extractive.conversation import standalone_question, update_summary
from agents.engine.tasks.decisions import StandaloneQuestion
from agents.engine.tasks.reading import UpdateSummary


def self_contained(question: str, *turns: tuple[str, str]) -> str:
    history = "\n".join(f"User: {asked}\nAssistant: {answer}" for asked, answer in turns)
    return standalone_question(StandaloneQuestion(question=question, history=history)).question


HEADS = (
    "Which intake heads are there?",
    "Seawater enters through two heads. [1]\n\nThe North Head lies at 9 m; the South Head, at 6 m, is used rarely. [2]",
)
MANAGER = ("Who is the station manager?", "Ingrid Solberg has been Station Manager since 2019. [1]")
FOUNDER = ("Who founded Marrick Observatory?", "It was founded in 1871 by the shipowner Leopold Harnack. [1]")
APERTURE = ("What is the aperture of the Harnack refractor?", "The Harnack refractor has an aperture of 66 cm. [1]")


@pytest.mark.parametrize(
    ("turn", "question", "expected"),
    [
        (MANAGER, "Who replaces her?", "Who replaces the station manager (Ingrid Solberg)?"),
        (FOUNDER, "When did he buy the summit?", "When did Leopold Harnack buy the summit?"),
        (APERTURE, "What is its focal length?", "What is the Harnack refractor's focal length?"),
        (("How many dishes are there?", "Twelve."), "How wide are they?", "How wide are the dishes?"),
        (
            ("How long is the warranty on membranes?", "36 months."),
            "What would make it lapse?",
            "What would make the warranty on membranes lapse?",
        ),
        (
            ("Which valve stops the supply?", "Supply stops through valve V-601. [1]"),
            "Can it be opened by hand?",
            "Can the valve V-601 be opened by hand?",
        ),
        (
            ("Who issues permits?", "The shift leader issues permits. [1]"),
            "Can he issue one to himself?",
            "Can the shift leader issue one to himself?",
        ),
    ],
)
def test_a_pronoun_is_replaced_by_what_it_stands_for(turn: tuple[str, str], question: str, expected: str) -> None:
    assert self_contained(question, turn) == expected


@pytest.mark.parametrize(
    ("turn", "question", "expected"),
    [
        (
            ("When is the monthly report due?", "On the tenth."),
            "and for the annual one?",
            "When is the annual report due?",
        ),
        (("When is the first payment due?", "In May."), "And the second one?", "When is the second payment due?"),
        (
            ("How long is the warranty for membranes?", "36 months."),
            "What about cartridges?",
            "How long is the warranty for cartridges?",
        ),
        (APERTURE, "And the Falk reflector?", "What is the aperture of the Falk reflector?"),
        (("What is train A's recovery?", "42 percent."), "And train C?", "What is train C's recovery?"),
        (("What is the reserve in summer?", "25 percent."), "And in winter?", "What is the reserve in winter?"),
        (
            ("How many sets for G1 and G2 are in stock?", "One."),
            "And for the third one?",
            "How many sets for G3 are in stock?",
        ),
    ],
)
def test_a_fragment_takes_the_place_of_what_it_replaces(turn: tuple[str, str], question: str, expected: str) -> None:
    assert self_contained(question, turn) == expected


@pytest.mark.parametrize(
    ("turn", "question", "expected"),
    [
        (HEADS, "And what about the second one?", "the South Head"),
        (
            ("What makes up a black start?", "1. Open the breakers [1]\n2. Start G3 [2]"),
            "And the second one?",
            "Start G3",
        ),
        (("Who is the Deputy for Water?", "Tomas Lind is."), "And who is the other one?", "the other Deputy"),
    ],
)
def test_an_ordinal_points_into_the_last_answer(turn: tuple[str, str], question: str, expected: str) -> None:
    assert expected in self_contained(question, turn)


def test_a_bare_question_word_asks_the_last_question_again() -> None:
    assert (
        self_contained("Why?", ("How often is the Lower Tank cleaned?", "Each April."))
        == "Why is the Lower Tank cleaned?"
    )


def test_what_cannot_be_replaced_gets_its_topic_in_brackets() -> None:
    turn = ("How are membranes cleaned?", "With an alkaline wash. [1]")
    assert self_contained("How long does it take?", turn) == "How long does it take (membranes cleaned)?"


def test_a_chain_of_follow_ups_is_resolved_from_its_beginning() -> None:
    turns = [("How often is the Lower Tank cleaned?", "Each April."), ("And the Upper Tank?", "Every three years.")]
    assert self_contained("Who cleans it?", *turns) == "Who cleans the Upper Tank?"


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "How long does it take to wash a filter?",
        "What does this handbook cover?",
        "If a train fails, how often may it be restarted?",
        "Which consumers keep their power at low frequency?",
        "Who arranges freight although she is not employed?",
        "boron limit",
        "Is it allowed to smoke in the hall?",
        "What must observers pass before they open a dome?",
    ],
)
def test_a_question_that_stands_alone_is_not_changed(question: str) -> None:
    assert self_contained(question, MANAGER) == question


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
