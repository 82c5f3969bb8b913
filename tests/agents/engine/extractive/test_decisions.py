import pytest

from agents.engine.extractive.decisions import next_step, plan, route, standalone_question
from agents.engine.tasks.decisions import NextStep, Plan, Route, StandaloneQuestion


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
