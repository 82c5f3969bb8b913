"""One run: the request and what answers it, what is read, and what it has cost.

Request   what is asked
Texts     the documents' passages and their tokens
Budget    the steps and seconds that a run may take
Ledger    what has been read, done and spent so far
Run       all of it, as the agents are given it

What the agents find is not kept here: they return it, and the graph's state (`agents.supervisor.state`) holds it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from agents.documents.library import Library
from agents.engine.engine import Engine, Task
from agents.engine.extractive.engine import ExtractiveEngine
from agents.jobs.single_flight import ReportProgress
from agents.jobs.window_cache import WindowCache
from agents.language.lexicon import detect_language
from agents.schema import AgentStep, Document, Frozen, Mode, Passage, Progress, Usage
from agents.sessions.history import History
from agents.settings import SupervisorSettings

PROMPT_RESERVE = 8_192
"""Tokens reserved beside a window for the instruction, the agents' results and the answer."""
ResultT = TypeVar("ResultT", bound=Frozen)
Clock = Callable[[], float]


@dataclass(frozen=True)
class Request:
    """What is asked: an analysis of the documents where `mode` is given, else an answer to `question`."""

    question: str
    documents: tuple[Document, ...]
    history: History = field(default_factory=History)
    mode: Mode | None = None
    focus: str | None = None
    window_tokens: int | None = None
    """Overrides the setting of that name."""
    others: int = 0
    """Documents that were searched with these and are not read: what was found in them matches less."""


@dataclass(frozen=True)
class Texts:
    """The documents' passages and the tokens of each, by document id, in the order of the text."""

    passages: Mapping[str, tuple[Passage, ...]]
    tokens: Mapping[str, tuple[int, ...]]

    @classmethod
    async def load(cls, library: Library, engine: Engine, documents: Sequence[Document]) -> "Texts":
        """Load the passages, and count their tokens as the engine does."""
        ids = [document.document_id for document in documents]
        passages = await asyncio.gather(*(library.passages(each) for each in ids))
        tokenizer, count = engine.info.tokenizer, engine.count_tokens
        tokens = await asyncio.gather(*(library.token_counts(each, tokenizer, count) for each in ids))
        return cls(dict(zip(ids, passages, strict=True)), dict(zip(ids, tokens, strict=True)))

    @property
    def all_passages(self) -> tuple[Passage, ...]:
        """Every passage of every document, in order."""
        return tuple(passage for passages in self.passages.values() for passage in passages)

    @property
    def total_tokens(self) -> int:
        """Tokens of all documents."""
        return sum(sum(counts) for counts in self.tokens.values())

    def tokens_of(self, passages: Sequence[Passage]) -> int:
        """Return the tokens of passages."""
        return sum(self.tokens[passage.document_id][passage.index] for passage in passages)


@dataclass
class Budget:
    """Steps and seconds that a run may take."""

    max_steps: int
    max_seconds: float
    clock: Clock
    started: float = field(init=False)
    steps: int = 0

    def __post_init__(self) -> None:
        self.started = self.clock()

    @property
    def seconds_left(self) -> float:
        """Seconds until the run must finish, never below zero."""
        return max(0.0, self.started + self.max_seconds - self.clock())

    @property
    def spent(self) -> bool:
        """Whether the run must finish now."""
        return self.steps >= self.max_steps or self.seconds_left == 0.0


@dataclass
class Ledger:
    """What a run has read, done and spent; entries are added, none is changed."""

    texts: Texts
    steps: list[AgentStep] = field(default_factory=list[AgentStep])
    warnings: list[str] = field(default_factory=list[str])
    usage: Usage = field(default_factory=Usage)
    read: dict[str, set[int]] = field(init=False)
    """By document id: the passages that the engine has read, by index."""
    windows: int = 0
    cached_windows: int = 0
    """Windows whose notes an earlier run had stored."""
    others: int = 0
    """Documents that were only searched."""

    def __post_init__(self) -> None:
        self.read = {key: set() for key in self.texts.passages}

    @property
    def everything_read(self) -> bool:
        """Whether the engine has read every passage of every document."""
        return not self.others and all(
            len(self.read[key]) == len(passages) for key, passages in self.texts.passages.items()
        )

    def read_spans(self) -> dict[str, list[tuple[int, int]]]:
        """Return the character spans that the engine has read, by document id."""
        passages = self.texts.passages
        return {
            key: [(passages[key][index].start, passages[key][index].end) for index in sorted(indexes)]
            for key, indexes in self.read.items()
        }

    def mark_read(self, passages: Sequence[Passage]) -> None:
        """Record that the engine has read these passages; a part of a passage does not count."""
        for passage in passages:
            whole = self.texts.passages[passage.document_id][passage.index]
            if (passage.start, passage.end) == (whole.start, whole.end):
                self.read[passage.document_id].add(passage.index)

    def failures(self, agent: str) -> int:
        """Return how many turns of an agent have failed."""
        return sum(step.agent == agent and step.outcome != "done" for step in self.steps)


def ignore_progress(_progress: Progress, _notes: tuple[str, ...] = (), /) -> None:
    """Discard progress reports."""


@dataclass(frozen=True, repr=False)
class Run:
    """What every agent of one run is given."""

    request: Request
    engine: Engine
    library: Library
    window_cache: WindowCache
    settings: SupervisorSettings
    texts: Texts
    budget: Budget
    ledger: Ledger
    prefix_cached: bool = False
    """Whether the engine has these documents in its prefix cache, so that reading them again costs little."""
    on_progress: ReportProgress = ignore_progress
    history: str = ""
    """The conversation, cut to fit beside the documents."""
    conversation: str = ""
    """The conversation, cut to fit a prompt without documents."""

    async def ask(self, task: Task[ResultT]) -> ResultT:
        """Run a task on the engine and add its cost to the usage.

        Raises:
            EngineError: The engine did not answer.
        """
        outcome = await self.engine.run(task)
        self.ledger.usage += outcome.usage
        self.ledger.mark_read(task.evidence)
        return outcome.result

    async def apply_rules(self, task: Task[ResultT]) -> ResultT:
        """Compute a task by rule, whichever engine answers; costs no tokens.

        Raises:
            EngineError: There are no rules for this kind of task.
        """
        return (await ExtractiveEngine().run(task)).result

    async def decide(self, task: Task[ResultT]) -> ResultT:
        """Take a decision about the question: by rule where the rules know its language, else by the engine.

        Raises:
            EngineError: The engine did not answer.
        """
        by_rule = detect_language(task.question) or not self.engine.info.generative
        return await (self.apply_rules(task) if by_rule else self.ask(task))

    @property
    def window_tokens(self) -> int:
        """Tokens of one reading window: the setting, or less where the engine's context is smaller."""
        context = self.engine.info.context_tokens
        if context is None:
            return self.settings.window_tokens
        return min(self.settings.window_tokens, max(512, context - min(PROMPT_RESERVE, context // 2)))

    @property
    def turn_seconds(self) -> float:
        """Time limit of one agent's turn, in seconds."""
        return min(self.settings.agent_seconds, self.budget.seconds_left)

    @property
    def parallel_windows(self) -> int:
        """Windows that may be read at once."""
        return self.settings.parallel_windows if self.settings.parallel_tool_calls else 1

    @property
    def reading_seconds(self) -> float:
        """Seconds that reading everything adds to the budget: one agent's time limit for every window."""
        return self.settings.agent_seconds * (1 + self.texts.total_tokens / self.window_tokens)

    def warn(self, *warnings: str) -> None:
        """Add warnings to the answer."""
        self.ledger.warnings.extend(warnings)

    def report(self, fraction: float, message: str, *notes: str) -> None:
        """Report how far the run has come, with notes to show to a caller who waits."""
        self.on_progress(Progress(fraction=min(1.0, fraction), message=message), notes)
