import pytest

from agents.engine.extractive.decisions import next_step, plan, route
from agents.engine.tasks.decisions import NextStep, Plan, Route


@pytest.mark.parametrize(
    "question",
    [
        "Summarise the contract.",
        "What is this document about?",
        "Give me an overview",
        "List all deadlines",
        "What are the key points?",
        "Fasse das Dokument zusammen",
        "Fais un résumé du rapport",
        "What does page 19 say?",
        "Explain clause 4.2",
        "Was steht in § 5?",
    ],
)
def test_what_only_the_whole_document_answers_is_read_whole(question: str) -> None:
    assert route(Route(question=question)).kind == "whole_document"


def test_what_asks_for_several_things_is_complex() -> None:
    assert route(Route(question="Who signed the lease, and when does it end?")).kind == "complex"


@pytest.mark.parametrize(
    "question",
    [
        "Who chairs the board?",
        "Which pump stands by and is started by hand?",
        "If the battery fails, what happens?",
        "What does the summary table say?",
        "Who uses more water than any other?",
        "",
    ],
)
def test_what_asks_for_one_thing_is_simple(question: str) -> None:
    assert route(Route(question=question)).kind == "simple"


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Who is the director?", "English"),
        ("Wer ist der Leiter?", "German"),
        ("Qui est le directeur ?", "French"),
        ("¿Quién es el director?", "Spanish"),
        ("Chi è il direttore?", "Italian"),
        ("Wie is de directeur?", "Dutch"),
        ("Quem é o diretor?", "Portuguese"),
        ("42", ""),
    ],
)
def test_the_language_of_a_question_is_told(question: str, language: str) -> None:
    assert route(Route(question=question)).language == language


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        (
            "How old was the pilot of the aircraft and how long was the strip of turf?",
            ("How old was the pilot of the aircraft?", "How long was the strip of turf?"),
        ),
        (
            "Who signed the lease, and when does it end?",
            ("Who signed the lease?", "When does it end (Who signed the lease)?"),
        ),
        ("大坝有多高？设备多久检修一次？", ("大坝有多高?", "设备多久检修一次?")),
        ("When and where was it built?", ("When and where was it built?",)),
        ("For Aurora, what was the number of patents?", ("For Aurora, what was the number of patents?",)),
        ("Which is longer, and by how much?", ("Which is longer and by how much?",)),
        ("Who chairs the board?", ("Who chairs the board?",)),
    ],
)
def test_a_question_is_cut_into_those_that_it_consists_of(question: str, parts: tuple[str, ...]) -> None:
    assert plan(Plan(question=question)).sub_questions == parts


def test_more_than_three_parts_are_three() -> None:
    question = "Who built it? When was it opened? Where does it stand? What did it cost? Why is it red?"
    assert len(plan(Plan(question=question)).sub_questions) == 3


def test_the_usual_agent_is_next_and_retrieval_as_often_as_allowed() -> None:
    one = NextStep(allowed=("planner", "retrieval"), parallel=3, state="")
    several = NextStep(allowed=("retrieval",), parallel=3, state="")

    assert next_step(one).next == ("planner",)
    assert next_step(several).next == ("retrieval", "retrieval", "retrieval")


def test_it_finishes_where_nobody_is_left() -> None:
    assert next_step(NextStep(allowed=(), may_finish=("validation",), state="")).finish == "validation"
