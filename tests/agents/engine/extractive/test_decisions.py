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


@pytest.mark.parametrize(
    "question",
    [
        "Who signed it, and when does it end?",
        "Compare the old tariff with the new one",
        "Is the 2023 limit higher than the 2021 limit?",
        "What was the reserve before and after the storm?",
        "How do trains A and C differ?",
    ],
)
def test_what_asks_for_several_things_is_complex(question: str) -> None:
    assert route(Route(question=question)).kind == "complex"


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
        ("Who signed the lease, and when does it end?", ("Who signed the lease?", "When does the lease end?")),
        (
            "Compare train A and train C in terms of recovery",
            ("What is the recovery of train A?", "What is the recovery of train C?"),
        ),
        ("How do trains A and C differ?", ("What is said about train A?", "What is said about train C?")),
        (
            "Is the 2023 limit higher than the 2021 one?",
            ("What is the 2023 limit?", "What is the 2021 limit?"),
        ),
        ("When and where was it built?", ("When was it built?", "Where was it built?")),
        (
            "How long is the warranty for membranes and for cartridges?",
            ("How long is the warranty for membranes?", "How long is the warranty for cartridges?"),
        ),
        (
            "What was the reserve before and after revision 7?",
            ("What was the reserve before revision 7?", "What was the reserve after revision 7?"),
        ),
        ("What is the price of M-40? And of M-44?", ("What is the price of M-40?", "What is the price of M-44?")),
        (
            "Who signed it? And when does the lease end? And how much does the repair of the roof cost?",
            ("Who signed it?", "When does the lease end?", "How much does the repair of the roof cost?"),
        ),
        ("Who won the race? And why?", ("Who won the race?", "Why (won the race)?")),
        ("Who chairs the board?", ("Who chairs the board?",)),
    ],
)
def test_a_question_is_cut_into_parts_that_stand_alone(question: str, parts: tuple[str, ...]) -> None:
    assert plan(Plan(question=question)).sub_questions == parts


def test_the_order_is_sequential_only_where_a_part_needs_anothers_answer() -> None:
    assert plan(Plan(question="Who is the manager, and when did she start?")).order == "sequential"
    assert plan(Plan(question="Which pump runs first, and what is its rating?")).order == "sequential"
    assert plan(Plan(question="Who is the manager, and when does the lease end?")).order == "parallel"


def test_more_than_three_parts_are_three() -> None:
    question = "Who built it, when was it opened, where does it stand, what did it cost, and why is it red?"
    assert len(plan(Plan(question=question)).sub_questions) == 3


def test_the_usual_agent_is_next_and_retrieval_as_often_as_allowed() -> None:
    one = NextStep(allowed=("planner", "retrieval"), parallel=3, state="")
    several = NextStep(allowed=("retrieval",), parallel=3, state="")

    assert next_step(one).next == ("planner",)
    assert next_step(several).next == ("retrieval", "retrieval", "retrieval")


def test_it_finishes_where_nobody_is_left() -> None:
    assert next_step(NextStep(allowed=(), may_finish=("validation",), state="")).finish == "validation"
