"""Asks and analyses at random on an engine of random weights, and checks that each ends and cites what is there.

Random weights answer without meaning, in the form that is asked for. They hardly ever quote and mostly decide alike, so
`DrawingEngine` draws decisions from what is allowed, and makes half of the quotes the document's own sentences, most
with one digit, negation, name or word changed.
"""

import asyncio
import json
import math
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from agents.assistant import Assistant
from agents.benchmark.engines import RecordingEngine
from agents.engine.engine import ChoiceResult, Engine, Outcome, ResultT, Task
from agents.engine.tasks.answering import Answerable, Draft, DraftResult
from agents.engine.tasks.decisions import NextStep, NextStepResult, Plan, PlanResult, Route, RouteResult
from agents.engine.tasks.reading import NotesResult, WindowNotes
from agents.schema import Analysis, Answer, Document, Frozen
from agents.settings import DocumentsSettings, Settings
from tests.support.lies import LIES, change_word, sentences
from tests.support.well_formed import faults, misplaced

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "examples"
AT_ONCE = 8
FOLLOW_UPS = 0.25
"""Share of asks that go on in a session."""
EVEN = 0.5
TRUE_QUOTES = 0.4
"""Share of the real and altered sentences."""
MODES: tuple[Any, ...] = ("summary", "detailed", "extraction", "comparison")


class DrawingEngine(RecordingEngine):
    """Computes every task, and replaces decisions by random ones and half of the quotes by real and altered sentences.

    Args:
        engine: Who computes.
        seed: The same seed draws the same.
    """

    def __init__(self, engine: Engine, seed: int) -> None:
        super().__init__(engine)
        self._chance = random.Random(seed)
        self.contradictions: set[str] = set()
        """Claims that say otherwise than the real quotes they were given."""

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Compute the task, and draw what the model would decide or quote."""
        outcome = await super().run(task)
        self.outcomes.clear()
        return Outcome(cast("ResultT", self._drawn(task, outcome.result)), outcome.usage)

    def _drawn(self, task: Task[Any], result: Frozen) -> Frozen:
        chance = self._chance
        match task, result:
            case Route(), _:
                kind: Any = chance.choice(["simple", "complex", "whole_document"])
                return RouteResult(kind=kind, reason="Drawn.")
            case Plan(), PlanResult():
                parts = (*(part for part in result.sub_questions if part.strip()), task.question, "And who says so?")
                order: Any = chance.choice(["parallel", "sequential"])
                return PlanResult(sub_questions=parts[:3], order=order)
            case NextStep(), _:
                if task.may_finish and chance.random() < EVEN:
                    return NextStepResult(finish=chance.choice(task.may_finish))
                return NextStepResult(next=tuple(chance.choices(task.allowed, k=chance.randint(1, task.parallel))))
            case Answerable(), _:
                return ChoiceResult(log_odds=chance.choice([None, -3.0, 3.0]))
            case Draft(), DraftResult():
                return self._draft(task, result)
            case WindowNotes(), NotesResult():
                return NotesResult.of(self._note(task, text) for text in result.texts)
            case _:
                return result

    def _note(self, task: Task[Any], note: str) -> str:
        return self._draft(task, DraftResult(quotes=(note,), answer=note)).answer

    def _draft(self, task: Task[Any], made: DraftResult) -> DraftResult:
        """Return an answer as the model made it, or one from a sentence of the text."""
        drawn = self._draft_from_a_sentence(task) if self._chance.random() < EVEN else None
        return drawn or made

    def _draft_from_a_sentence(self, task: Task[Any]) -> DraftResult | None:
        """Return an answer from a real sentence of the text, true or altered; nothing where the text has none."""
        chance = self._chance
        known = sentences(chance.choice(task.evidence).text) if task.evidence else []
        if not known:
            return None
        sentence = chance.choice(known)
        if chance.random() < TRUE_QUOTES:
            return DraftResult(quotes=(sentence,), answer=sentence)
        changed = LIES[chance.choice(list(LIES))](sentence, chance)
        if changed is None:
            return DraftResult(quotes=(change_word(sentence, chance),), answer=sentence)
        if chance.random() < EVEN:
            return DraftResult(quotes=(changed,), answer=sentence)
        self.contradictions.add(changed)
        return DraftResult(quotes=(sentence,), answer=changed)


@dataclass
class Tally:
    """What came of the runs."""

    asks: int = 0
    analyses: int = 0
    not_well_formed: list[str] = field(default_factory=list[str])
    citations: int = 0
    citations_not_in_the_document: int = 0
    contradictions_supported: int = 0

    def add(
        self, response: Answer | Analysis, documents: dict[str, Document], settings: Settings, told: set[str]
    ) -> None:
        """Check a response and count what it holds."""
        self.asks += isinstance(response, Answer)
        self.analyses += isinstance(response, Analysis)
        self.not_well_formed += faults(response, documents, settings.supervisor)
        self.citations += len(response.citations)
        self.citations_not_in_the_document += sum(bool(misplaced(each, documents)) for each in response.citations)
        self.contradictions_supported += sum(c.text in told and c.supported == "supported" for c in response.claims)


class Visitor:
    """Asks about the examples, at random, and checks every answer.

    Args:
        settings: The user's; whatever the assistant writes goes to `folder`.
        engine: What answers.
        folder: Empty.
        seed: Decides what is asked about what.
    """

    def __init__(self, settings: Settings, engine: Engine, folder: Path, seed: int) -> None:
        own = {"data_dir": folder, "documents": DocumentsSettings(roots=(EXAMPLES,))}
        self._settings = settings.model_copy(update=own)
        self._assistant = Assistant(self._settings, engine=engine)
        self._told = engine.contradictions if isinstance(engine, DrawingEngine) else set[str]()
        self._chance = random.Random(seed)
        self._questions = json.loads((REPOSITORY / "tests" / "data" / "questions.json").read_text())
        self._files = sorted(
            str(path) for path in EXAMPLES.rglob("*") if path.suffix in {".pdf", ".md", ".docx", ".xlsx", ".csv"}
        )
        self._sessions: list[str] = []
        self.tally = Tally()

    async def visit(self, asks: int, analyses: int) -> Tally:
        """Ask and analyse so often, some at once; return what came of it."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            async with slots:
                response = await (self._ask(number) if number < asks else self._analyse(number))
            opened = [await self._assistant.library.get(document.document_id) for document in response.documents]
            documents = {document.document_id: document for document in opened}
            self.tally.add(response, documents, self._settings, self._told)

        numbers = list(range(asks + analyses))
        self._chance.shuffle(numbers)
        try:
            await asyncio.gather(*(one(number) for number in numbers))
        finally:
            await self._assistant.close()
        return self.tally

    async def _ask(self, number: int) -> Answer:
        case = self._chance.choice(self._questions)
        session = self._chance.choice(self._sessions) if self._sessions and self._chance.random() < FOLLOW_UPS else None
        documents = {
            str(EXAMPLES / case["document"]),
            *self._chance.sample(self._files, self._chance.choice([0, 0, 0, 1, 2])),
        }
        # A number makes every question a run of its own.
        question = f"({number}) {case['question']}"
        answer = await self._assistant.ask(question, sorted(documents), session, wait_seconds=math.inf)
        if answer.session:
            self._sessions.append(answer.session.session_id)
        return answer

    async def _analyse(self, number: int) -> Analysis:
        mode = self._chance.choice(MODES)
        file, other = self._chance.sample(self._files, 2)
        return await self._assistant.analyze(
            file,
            mode,
            focus=f"({number}) dates and figures" if mode != "summary" or number % 2 else None,
            compare_with=[other] if mode == "comparison" else [],
            wait_seconds=math.inf,
        )
