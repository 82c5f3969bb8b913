"""The extractive engine as the agents use it: any task in, a valid result out."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.engine.engine import Task
from agents.engine.extractive.engine import ExtractiveEngine
from agents.engine.tasks.answering import Excerpts, ExcerptsResult, RewriteAnswer, RewriteAnswerResult
from agents.engine.tasks.decisions import (
    NextStep,
    NextStepResult,
    Plan,
    PlanResult,
    Route,
    RouteResult,
    StandaloneQuestion,
    StandaloneQuestionResult,
)
from agents.engine.tasks.reading import (
    NotesResult,
    Overview,
    OverviewResult,
    PointToReduce,
    Reduce,
    ReduceResult,
    WindowNotes,
)
from agents.errors import EngineError
from agents.language.tokens import estimate_tokens
from agents.schema import Frozen, Mode, Passage
from agents.supervisor.attribution import AttributableText

HOSTILE = [
    "",
    " \n\t ",
    "😀" * 1_000,
    "a" * 30_000,
    "what and " * 4_000,
    "(" * 20_000,
    "|a|b|\n|---|---|\n" * 800,
    "1.000." * 6_000,
    "20" * 20_000,
    "It is. " * 3_000,
    "\x00\x01\ufffe" * 500,
    "中文没有空格的文字。" * 500,
    "Compare " + "a and " * 5_000,
]


def run(task: Task[Any]) -> Any:
    return asyncio.run(ExtractiveEngine().run(task)).result


def passages(*texts: str) -> tuple[Passage, ...]:
    return tuple(
        Passage(document_id="d", title="T", index=index, start=0, end=len(text), page=1, text=text)
        for index, text in enumerate(texts)
    )


def tasks_about(text: str) -> list[tuple[Task[Any], type[Frozen]]]:
    evidence = passages(text, "The pump is red. It runs at 5 bar.")
    return [
        (Route(question=text), RouteResult),
        (Plan(question=text), PlanResult),
        (StandaloneQuestion(question=text, history=f"User: Who is it?\nAssistant: {text}"), StandaloneQuestionResult),
        (
            StandaloneQuestion(question="And the second one?", history=f"User: {text}\nAssistant: {text}"),
            StandaloneQuestionResult,
        ),
        (NextStep(allowed=("retrieval",), state=text), NextStepResult),
        (Excerpts(question=text, evidence=evidence), ExcerptsResult),
        (Excerpts(question=text, evidence=evidence, parts=(text, "Who?"), closest=True), ExcerptsResult),
        (Excerpts(question="At which pressure does the pump run?", evidence=evidence), ExcerptsResult),
        (RewriteAnswer(message=text), RewriteAnswerResult),
        (WindowNotes(evidence=evidence, mode="summary"), NotesResult),
        (WindowNotes(evidence=evidence, mode="extraction", focus=text), NotesResult),
        (Overview(titles=(text,), points=(text, text)), OverviewResult),
        (Reduce(points=(point("A", text), point("B", text))), ReduceResult),
    ]


def point(document: str, text: str) -> PointToReduce:
    return PointToReduce(document=document, section=text, text=text)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_every_task_gets_a_result_of_its_kind_whatever_the_text(text: str) -> None:
    for task, result_type in tasks_about(text):
        assert isinstance(run(task), result_type)


def test_the_same_task_always_gives_the_same_result() -> None:
    text = "The pump was replaced on 3 May 2021 by Ada Bell. It cost 900 euros. The valve is checked every week."
    for task, _ in tasks_about(text):
        assert run(task) == run(task)


def test_it_counts_one_call_and_no_tokens_of_a_model() -> None:
    usage = asyncio.run(ExtractiveEngine().run(Route(question="Who is it?"))).usage

    assert (usage.engine_calls, usage.prompt_tokens, usage.completion_tokens) == (1, 0, 0)
    assert usage.seconds > 0


def test_it_says_that_it_uses_no_language_model() -> None:
    engine = ExtractiveEngine()

    assert (engine.info.name, engine.info.model, engine.info.context_tokens) == ("extractive", None, None)
    assert "No language model was used" in engine.info.notes[0]
    assert engine.count_tokens("a few words") == estimate_tokens("a few words")


def test_a_task_that_it_does_not_know_is_an_error_that_names_the_fix() -> None:
    class Poem(Task[Frozen]):
        role = "poet"

        def instruction(self) -> str:
            return "Write a poem."

    with pytest.raises(EngineError, match="READROOM_ENGINE__KIND"):
        run(Poem())


async def test_tasks_run_side_by_side() -> None:
    engine = ExtractiveEngine()
    evidence = passages(*(f"Shelf {number} holds {number} books." for number in range(50)))
    outcomes = await asyncio.gather(
        *(engine.run(Excerpts(question=f"How many books does shelf {n} hold?", evidence=evidence)) for n in range(8))
    )
    assert [outcome.result.claims[0].text for outcome in outcomes] == [f"Shelf {n} holds {n} books." for n in range(8)]


def test_importing_it_loads_no_heavy_library() -> None:
    code = (
        "import sys, agents.engine.extractive.engine; "
        "print(sorted({'numpy', 'Stemmer', 'agents.engine.extractive.answering'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert loaded.strip() == "[]"


PROSE = "the pump valve runs at 5 bar 12 percent on 3 May 2021 Ada Bell it is not never every week because of"
MARKS = "| - # * : ; , . ? ! 😀 é “ ” ( ) costs 900 euros who when how many"
WORDS = st.sampled_from([*PROSE.split(), *MARKS.split(), "\n", "\n\n"])
TEXTS = st.lists(WORDS, max_size=80).map(" ".join)


@settings(deadline=None, max_examples=60)
@given(question=TEXTS, texts=st.lists(TEXTS, max_size=4), closest=st.booleans())
def test_every_quote_of_an_answer_is_a_slice_of_the_evidence(question: str, texts: list[str], closest: bool) -> None:
    result = run(Excerpts(question=question, evidence=passages(*texts), closest=closest))

    for claim in result.claims:
        assert all(any(quote in text for text in texts) for quote in claim.quotes)
        assert len(claim.quotes[0].split()) <= 60


@settings(deadline=None, max_examples=60)
@example(texts=["the", "é"], mode="summary")
@given(texts=st.lists(TEXTS, max_size=4), mode=st.sampled_from(["summary", "detailed", "comparison", "extraction"]))
def test_every_note_rests_on_a_slice_of_the_window(texts: list[str], mode: Mode) -> None:
    window = passages(*texts)
    result = run(WindowNotes(evidence=window, mode=mode, focus="pumps and dates"))

    assert len(result.notes) <= 16
    source = AttributableText.of_passages(window)
    for note in result.texts:
        assert len(note) <= 300
        quotes = source.quotes(note)
        assert quotes
        assert all(any(quote in text for text in texts) for quote in quotes)


@settings(deadline=None, max_examples=60)
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=40),
    final=st.booleans(),
)
def test_the_sources_of_every_reduced_point_exist(texts: list[str], final: bool) -> None:
    given_points = tuple(point(f"Document {index % 3}", text) for index, text in enumerate(texts))
    result = run(Reduce(points=given_points, final=final))

    assert 1 <= len(result.points) <= 24
    for reduced in result.points:
        assert all(1 <= source <= len(texts) for source in reduced.sources)
        assert len(reduced.text) <= 400


@settings(deadline=None, max_examples=100)
@given(question=TEXTS, asked=TEXTS, answer=TEXTS)
def test_decisions_about_any_words_are_valid(question: str, asked: str, answer: str) -> None:
    assert run(Route(question=question)).kind in {"simple", "complex", "whole_document"}
    assert 1 <= len(run(Plan(question=question)).sub_questions) <= 3
    assert (
        len(run(StandaloneQuestion(question=question, history=f"User: {asked}\nAssistant: {answer}")).question) <= 600
    )
