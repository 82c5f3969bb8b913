"""Engines that lie, stall and fall over: every run ends, and nothing they invented is cited."""

import random
from typing import Any, TypeVar

import pytest

from agents.documents.library import Library
from agents.engine.engine import ChoiceResult, Outcome, Task
from agents.engine.tasks.answering import Answerable, Draft, DraftResult, RewriteAnswer, RewriteAnswerResult
from agents.engine.tasks.decisions import NextStep, NextStepResult, Plan, PlanResult, Route, RouteResult
from agents.engine.tasks.reading import (
    NotesResult,
    Overview,
    OverviewResult,
    Reduce,
    ReducedPoint,
    ReduceResult,
    WindowNotes,
)
from agents.errors import EngineError
from agents.grounding.claims import check, locate_in_documents
from agents.jobs.window_cache import WindowCache
from agents.schema import Document, Frozen, Page, Response, SessionInfo
from agents.settings import SupervisorSettings
from agents.supervisor.answer import Completed, to_analysis, to_answer
from agents.supervisor.run import Request
from agents.supervisor.supervisor import Supervisor
from tests.agents.supervisor.conftest import RULES, Reading
from tests.support.fakes import FakeEngine, honest
from tests.support.lies import (
    HANDBOOK,
    LIES,
    Change,
    change_digit,
    change_name,
    change_negation,
    change_word,
    sentences,
)

ResultT = TypeVar("ResultT", bound=Frozen)
POLISH = "Kiedy otwiera się czytelnia?"
AGENTS = ["router", "planner", "retrieval", "synthesis", "validation"]


LONG = "\n\n".join(
    f"## Chapter {n}\n\nChapter {n} says that rule {n} holds for {n * 3} days. Maria Holm wrote page {n + 100}, "
    f"and nobody may change rule {n} without asking {'Peter Brandt' if n % 2 else 'Keiko Aldous'} first."
    for n in range(1, 61)
)


class Liar(FakeEngine):
    """An engine that lies about whatever it is asked, in one of many ways each time.

    `told` holds the claims that say otherwise than the real quotes they are given with.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._chance = random.Random(seed)
        self.told: set[str] = set()

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        self.replies = {type(task): self._reply(task)}
        return await super().run(task)

    def _reply(self, task: Task[Any]) -> Any:
        chance = self._chance
        match chance.randrange(12):
            case 0:
                return EngineError("The engine is gone.", hint="Start it.")
            case 1:
                return RuntimeError("The engine fell over.")
            case 2:
                return RewriteAnswerResult(markdown="This is no answer to what was asked.")
            case 3:
                return honest
            case _:
                lie = getattr(self, f"_{type(task).__name__.lower()}", None)
                return lie(task) if lie else honest

    def _statement(self, evidence: str) -> tuple[str, str]:
        """Return a claim and a quote, one of them wrong."""
        chance = self._chance
        sentence = chance.choice(sentences(evidence) or [evidence])
        contradiction = LIES[chance.choice(list(LIES))](sentence, chance)
        changed = contradiction or change_word(sentence, chance)
        kind = chance.randrange(5)
        if kind == 0:
            return sentence, "The moon is made of 42 kinds of green cheese and nobody has paid for it."
        if kind == 1:
            return sentence, changed
        if kind == 2:
            return "\x00" * 3 + "]" * 20, chance.choice(["", "...", "\n\n", "e", "|"])
        if kind == 3:
            return f"{sentence} (see page 97 531)", sentence
        if contradiction:
            self.told.add(contradiction)
        return changed, sentence

    def _text(self, task: Task[Any]) -> str:
        return "".join(passage.text for passage in task.evidence) or RULES

    def _route(self, _task: Route) -> Frozen:
        kind: Any = self._chance.choice(["simple", "complex", "whole_document"])
        return RouteResult(kind=kind, reason="", language="\u202egnilgniK")

    def _plan(self, _task: Plan) -> Frozen:
        parts = [" ", "?", "What is the airspeed of a swallow?", "Ignore the question."]
        return PlanResult(sub_questions=tuple(self._chance.choices(parts, k=3)), order="sequential")

    def _nextstep(self, _task: NextStep) -> Frozen:
        return NextStepResult(next=tuple(self._chance.choices([*AGENTS, "nobody", ""], k=3)), finish="nobody")

    def _draft(self, task: Draft) -> Frozen:
        answer, *quotes = self._statement(self._text(task))
        more = [self._statement(self._text(task))[1] for _ in range(self._chance.randrange(3))]
        # What is said beside a real quote is counted as a lie only where that quote stands alone.
        return DraftResult(quotes=tuple(quotes if answer in self.told else [*quotes, *more]), answer=answer)

    def _answerable(self, _task: Answerable) -> Frozen:
        return ChoiceResult(log_odds=self._chance.choice([None, -1e9, 0.0, 3.0, float("nan")]))

    def _windownotes(self, task: WindowNotes) -> Frozen:
        return NotesResult.of(self._statements(self._text(task), 16))

    def _overview(self, task: Overview) -> Frozen:
        told = " ".join(self._statements(RULES, 3))
        return OverviewResult(overview=" ".join([told, *task.points[:1], "|\n"]))

    def _statements(self, text: str, limit: int) -> tuple[str, ...]:
        """Return statements that stand in a text, and others that code must find out, for their quotes are its own."""
        return tuple(self._statement(text)[0] for _ in range(self._chance.randrange(limit)))

    def _reduce(self, task: Reduce) -> Frozen:
        numbers = [-1, 0, 1, len(task.points), 10_000]
        points = [
            ReducedPoint(
                section="|", text=task.points[n % len(task.points)].text, sources=(self._chance.choice(numbers),)
            )
            for n in range(24)
        ]
        return ReduceResult(points=tuple(points))

    def _rewriteanswer(self, _task: RewriteAnswer) -> Frozen:
        return RewriteAnswerResult(markdown="It is as I say [7], and so says everybody [1].")


def response_of(completed: Completed) -> Response:
    session = SessionInfo(session_id="s")
    return to_analysis(completed, session) if completed.run.request.mode else to_answer(completed, session)


def expect_well_formed(completed: Completed) -> None:
    """A run has ended in its budget, and cites only what stands in its document, where it stands."""
    run, response = completed.run, response_of(completed)
    texts = {document.document_id: document for document in run.request.documents}
    assert run.budget.steps <= run.settings.max_steps + 2
    assert response.markdown
    assert type(response).model_validate(response.model_dump()) == response
    for citation in (*response.citations, *getattr(response, "closest", ())):
        document = texts[citation.document_id]
        assert document.text[citation.start : citation.end] == citation.quote
        assert document.page_at(citation.start) == citation.page
    ids = {citation.id for citation in response.citations}
    assert all(set(claim.citations) <= ids and claim.citations for claim in response.claims)
    assert {claim.supported for claim in response.claims} <= {"supported", "partly"}
    assert 0.0 <= response.grounded <= 1.0
    assert response.coverage.tokens_read <= response.coverage.tokens_total
    assert not getattr(response, "not_found", False) or response.coverage.complete


@pytest.mark.parametrize("seed", range(60))
async def test_no_lie_is_cited_and_every_run_ends_in_its_budget(read: Reading, seed: int) -> None:
    engine = Liar(seed)
    options: dict[str, Any] = {"mode": [None, None, "summary", "detailed", "extraction", "comparison"][seed % 6]}
    question = ["When does it open?", POLISH][seed % 4 // 2]
    settings = {"max_steps": 10, "window_tokens": 1_024, "message_forwarding": seed % 4 > 0}

    completed = await read(engine, question, [RULES, LONG][seed % 2], settings=settings, **options)

    expect_well_formed(completed)
    for claim in response_of(completed).claims:
        assert claim.text not in engine.told or claim.supported != "supported"


async def test_whatever_page_an_engine_names_a_citation_has_the_quotes_own(
    library: Library, store: WindowCache, handbook: str
) -> None:
    document = await library.open(handbook)
    chance = random.Random(5)
    picked = chance.sample(sentences(document.text), 6)
    supervisor = Supervisor(library, store, SupervisorSettings())

    for number, text in enumerate(picked, 90):
        engine = FakeEngine({Draft: DraftResult(quotes=(text,), answer=f"On page {number}: {text}")})
        completed = await supervisor.run(Request("Which page?", (document,)), engine)

        expect_well_formed(completed)
        assert not any(f"page {number}" in claim.text for claim in response_of(completed).claims)


async def test_endless_hand_offs_end_at_the_budget(read: Reading) -> None:
    nothing = FakeEngine(
        {
            Route: RouteResult(kind="complex", reason="Always more."),
            NextStep: NextStepResult(next=("retrieval", "retrieval", "retrieval")),
            Answerable: ChoiceResult(log_odds=-3.0),
        }
    )

    completed = await read(nothing, POLISH, settings={"max_steps": 6})

    expect_well_formed(completed)


async def test_an_engine_that_never_shortens_its_notes_does_not_keep_the_reduction_going(read: Reading) -> None:
    def as_many(task: Reduce) -> ReduceResult:
        return ReduceResult(
            points=tuple(ReducedPoint(section="S" * 80, text="All of it. " * 900, sources=(1,)) for _ in range(24))
        )

    engine = FakeEngine({Reduce: as_many})
    completed = await read(engine, text=LONG, mode="summary", settings={"window_tokens": 1_024})

    expect_well_formed(completed)
    assert engine.count(Reduce) < 200
    assert completed.run.engine is engine


@pytest.mark.parametrize("stalled", [Route, Plan, NextStep, Answerable, Draft, RewriteAnswer, WindowNotes, Reduce])
async def test_a_stall_anywhere_costs_one_agents_time_and_not_the_answer(
    read: Reading, stalled: type[Task[Any]]
) -> None:
    class Stalling(FakeEngine):
        async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
            self.seconds = 3_600.0 if isinstance(task, stalled) else 0.0
            return await super().run(task)

    real = DraftResult(quotes=("Chapter 7 says that rule 7 holds for 21 days.",), answer="Rule 7 holds for 21 days.")
    engine = Stalling({Route: RouteResult(kind="complex", reason="Two."), Draft: real})
    settings = {"agent_seconds": 0.5, "max_seconds": 5.0, "message_forwarding": False}

    mode: Any = "summary" if stalled in (WindowNotes, Reduce) else None
    # The engine is asked for the way and the plan in languages that the rules do not know.
    asked = "Ile dni obowiązuje rule 7?" if stalled in (Route, Plan) else "How many days does rule 7 hold?"
    completed = await read(engine, asked, text=LONG, mode=mode, settings=settings)

    expect_well_formed(completed)
    assert response_of(completed).claims


@pytest.fixture(scope="module")
def held() -> Document:
    """The handbook as one page."""
    return Document(
        document_id="d", title="H", name="h", text=HANDBOOK, pages=(Page(number=1, start=0, end=len(HANDBOOK)),)
    )


def mutations(change: Change, count: int, seed: int) -> list[tuple[str, str]]:
    """Return sentences of the handbook, and each with one thing changed."""
    chance = random.Random(seed)
    pairs: list[tuple[str, str]] = []
    known = sentences(HANDBOOK)
    while len(pairs) < count:
        sentence = chance.choice(known)
        if (changed := change(sentence, chance)) and changed != sentence and changed not in HANDBOOK:
            pairs.append((sentence, changed))
    return pairs


@pytest.mark.parametrize(("change", "count"), [(change_digit, 350), (change_negation, 300)])
def test_a_quote_with_another_digit_or_negation_is_refused(held: Document, change: Change, count: int) -> None:
    for sentence, changed in mutations(change, count, seed=1):
        found = locate_in_documents(changed, [held], {})
        assert found is None or (sentence not in found.located.quote and found.located.quote in HANDBOOK), changed


@pytest.mark.parametrize(("change", "count"), [(change_word, 250), (change_name, 100)])
def test_a_quote_with_another_word_is_refused_or_repaired_to_the_documents_own(
    held: Document, change: Change, count: int
) -> None:
    for _, changed in mutations(change, count, seed=2):
        if (found := locate_in_documents(changed, [held], {})) is not None:
            located = found.located
            assert HANDBOOK[located.start : located.end] == located.quote
            assert located.verified == "fuzzy"


@pytest.mark.parametrize("change", LIES.values(), ids=LIES.keys())
def test_a_claim_that_contradicts_its_quote_is_never_supported(held: Document, change: Change) -> None:
    for sentence, changed in mutations(change, 200, seed=3):
        quote = locate_in_documents(sentence, [held], {})
        assert quote is not None
        assert check(changed, [quote]) != "supported", changed


def test_every_sentence_is_supported_by_itself(held: Document) -> None:
    for sentence in sentences(HANDBOOK):
        quote = locate_in_documents(sentence, [held], {})
        assert quote is not None
        assert check(sentence, [quote]) == "supported", sentence
