"""What one run knows: the request, and what the agents have put on the table so far."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from agents.documents.library import Library
from agents.engine.engine import Engine, Task
from agents.engine.tasks.answering import DraftClaim
from agents.grounding.claims import Judgement, UncheckedClaim
from agents.jobs.single_flight import ReportProgress
from agents.jobs.window_cache import WindowCache
from agents.schema import AgentStep, Document, Frozen, Mode, Passage, Progress, RouteKind, Usage
from agents.sessions.history import History
from agents.settings import SupervisorSettings

PROMPT_RESERVE = 8_192
"""Tokens kept free beside a window for the instruction, the agents' results and the answer."""
ResultT = TypeVar("ResultT", bound=Frozen)
Clock = Callable[[], float]


@dataclass(frozen=True)
class Request:
    """What the run is to do; without `mode` it answers `question`, with it it analyses the documents."""

    question: str
    documents: tuple[Document, ...]
    history: History = field(default_factory=History)
    mode: Mode | None = None
    focus: str | None = None
    window_tokens: int | None = None
    """In place of the setting of that name."""


@dataclass
class Part:
    """One question to look up: the request's own, or a part of it."""

    question: str
    passages: tuple[Passage, ...] = ()
    claims: tuple[DraftClaim, ...] = ()
    taken: bool = False
    done: bool = False


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


def ignore_progress(_progress: Progress, _notes: tuple[str, ...] = (), /) -> None:
    """Report to nobody."""


@dataclass
class Run:
    """The table at which the agents of one run sit."""

    request: Request
    engine: Engine
    library: Library
    store: WindowCache
    settings: SupervisorSettings
    budget: Budget
    warm: bool = False
    tell: ReportProgress = ignore_progress

    question: str = field(init=False)
    """The question, made self-contained from the history."""
    history: str = ""
    """The conversation, as far as it fits beside the documents."""
    conversation: str = ""
    """The conversation, as far as it fits alone."""
    kind: RouteKind | None = None
    reason: str = ""
    language: str = ""
    parts: list[Part] = field(default_factory=list[Part])
    sequential: bool = False
    full_scan: bool = False
    beyond_scope: bool = False
    """Whether the pages and sections that the question names were read, and did not answer it."""
    missing_pages: tuple[str, ...] = ()
    """What to say where the question is about pages alone that no document has."""
    scopes: dict[str, tuple[Passage, ...]] = field(default_factory=dict[str, tuple[Passage, ...]])
    """By question: the pages and sections that it names."""
    draft: tuple[UncheckedClaim, ...] | None = None
    judgement: Judgement | None = None
    earlier: Judgement | None = None
    outline: tuple[str, ...] = ()

    steps: list[AgentStep] = field(default_factory=list[AgentStep])
    failures: dict[str, int] = field(default_factory=dict[str, int])
    warnings: list[str] = field(default_factory=list[str])
    usage: Usage = field(default_factory=Usage)
    passages: dict[str, tuple[Passage, ...]] = field(default_factory=dict[str, tuple[Passage, ...]])
    tokens: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    read: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    windows: int = 0
    windows_from_store: int = 0

    def __post_init__(self) -> None:
        self.question = self.request.question

    async def ask(self, task: Task[ResultT]) -> ResultT:
        """Have the engine compute a task, and add up what it costs.

        Raises:
            EngineError: The engine did not answer.
        """
        outcome = await self.engine.run(task)
        self.usage += outcome.usage
        return outcome.result

    async def load(self) -> None:
        """Fetch the documents' passages and their token counts."""
        for document in self.request.documents:
            key = document.document_id
            self.passages[key], self.tokens[key] = await asyncio.gather(
                self.library.passages(key),
                self.library.token_counts(key, self.engine.info.tokenizer, self.engine.count_tokens),
            )
            self.read.setdefault(key, set())

    @property
    def total_tokens(self) -> int:
        """Tokens of all documents, counted by the engine's tokenizer."""
        return sum(sum(counts) for counts in self.tokens.values())

    @property
    def window_tokens(self) -> int:
        """Tokens of one reading window: what the settings ask for, as far as the engine's context holds it."""
        context = self.engine.info.context_tokens
        if context is None:
            return self.settings.window_tokens
        return min(self.settings.window_tokens, max(512, context - min(PROMPT_RESERVE, context // 2)))

    @property
    def parallel_windows(self) -> int:
        """Windows that may be read at once."""
        return self.settings.parallel_windows if self.settings.parallel_tool_calls else 1

    @property
    def reading_seconds(self) -> float:
        """Seconds that reading everything adds to the budget: one agent's turn for every window."""
        return self.settings.agent_seconds * (1 + self.total_tokens / self.window_tokens)

    @property
    def all_passages(self) -> tuple[Passage, ...]:
        """Every passage of every document, in order."""
        return tuple(passage for document in self.request.documents for passage in self.passages[document.document_id])

    @property
    def everything_read(self) -> bool:
        """Whether the engine has been given every passage."""
        return all(len(self.read[key]) == len(passages) for key, passages in self.passages.items())

    def read_spans(self) -> dict[str, list[tuple[int, int]]]:
        """Return, by document id, the character spans that the engine was given."""
        return {
            key: [(self.passages[key][index].start, self.passages[key][index].end) for index in sorted(indexes)]
            for key, indexes in self.read.items()
        }

    def mark_read(self, passages: Sequence[Passage]) -> None:
        """Note that the engine was given these passages; one of which it was given a part is not read."""
        for passage in passages:
            whole = self.passages[passage.document_id][passage.index]
            if (passage.start, passage.end) == (whole.start, whole.end):
                self.read[passage.document_id].add(passage.index)

    def add_reason(self, reason: str) -> None:
        """Add a reason for the way that the run takes, once."""
        if reason not in self.reason:
            self.reason = f"{self.reason} {reason}".strip()

    def report(self, fraction: float, message: str, *notes: str) -> None:
        """Tell whoever waits how far the run has come, and what it has noted."""
        self.tell(Progress(fraction=min(1.0, fraction), message=message), notes)

    def failed(self, agent: str) -> int:
        """Return how often an agent has failed in this run."""
        return self.failures.get(agent, 0)
