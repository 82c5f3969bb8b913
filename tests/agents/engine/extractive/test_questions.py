import pytest

from agents.engine.extractive.questions import Question, read_question
from agents.language.stems import Vocabulary


def read(text: str) -> Question:
    return read_question(text, Vocabulary.of(text))


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who signed it?", "person"),
        ("Which company built it?", "organisation"),
        ("When does it end?", "time"),
        ("What time does the shift begin?", "clock"),
        ("In which year was it built?", "year"),
        ("How long does it take?", "duration"),
        ("How often is it washed?", "frequency"),
        ("How much does a berth cost?", "money"),
        ("What percentage is lost?", "percent"),
        ("What is the maximum pressure?", "quantity"),
        ("How deep is the well?", "quantity"),
        ("How many boats are there?", "count"),
        ("Where is it kept?", "place"),
        ("Why is it red?", "reason"),
        ("How is it cleaned?", "method"),
        ("What is a permeate?", "definition"),
        ("What does BM25 stand for?", "definition"),
        ("May I smoke here?", "yes_no"),
        ("What should be done when the alarm sounds?", "thing"),
        ("When the alarm sounds, who is called?", "person"),
        ("Wer leitet die Station?", "person"),
        ("Combien coûte l'entrée ?", "money"),
        ("¿Cuándo termina?", "time"),
    ],
)
def test_a_question_tells_what_kind_of_answer_it_wants(question: str, kind: str) -> None:
    assert read(question).kind == kind


def test_names_and_numbers_weigh_more_and_vague_words_less() -> None:
    weights = {term.text: term.weight for term in read("What is the name of the pump of Ada in 1931?").terms}
    assert weights["name"] < weights["pump"] < weights["Ada"] == weights["1931"]


def test_what_is_asked_for_is_known() -> None:
    asked = [term.text for term in read("Which award did Quill receive in Lund?").terms if term.asked_for]
    assert asked == ["award"]


@pytest.mark.parametrize(
    ("question", "dimension"),
    [
        ("How deep is the well?", "length"),
        ("How heavy is the tube?", "mass"),
        ("At what temperature are plates kept?", "temperature"),
        ("How fast is the ferry?", "speed"),
        ("How fast must the deputy answer?", ""),
        ("How large is the budget?", ""),
    ],
)
def test_what_is_measured_is_known(question: str, dimension: str) -> None:
    assert read(question).dimension == dimension


def test_an_endless_question_has_few_terms() -> None:
    assert len(read(" ".join(f"word{number}" for number in range(50_000))).terms) <= 48
