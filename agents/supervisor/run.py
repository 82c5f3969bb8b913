"""One run: the request, what the agents have found so far, and what it has cost.

`Run` is the blackboard that the agents share: each reads what it needs from it and writes its result to it.
"""

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


@dataclass
class Part:
    """A question to look up: the whole question, or one of its sub-questions."""

    question: str
    passages: tuple[Passage, ...] = ()
    claims: tuple[DraftClaim, ...] = ()
    taken: bool = False
    """Whether a retrieval has begun to look it up."""
    done: bool = False
    """Whether it has been looked up."""


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
    """Discard progress reports."""


@dataclass
class Run:
    """The state that the agents of one run share."""

    request: Request
    engine: Engine
    library: Library
    window_cache: WindowCache
    settings: SupervisorSettings
    budget: Budget
    prefix_cached: bool = False
    """Whether the engine has these documents in its prefix cache, so that reading them again costs little."""
    on_progress: ReportProgress = ignore_progress

    question: str = field(init=False)
    """The question, rewritten to stand alone where it follows up on the conversation."""
    history: str = ""
    """The conversation, cut to fit beside the documents."""
    conversation: str = ""
    """The conversation, cut to fit a prompt without documents."""
    kind: RouteKind | None = None
    reason: str = ""
    language: str = ""
    parts: list[Part] = field(default_factory=list[Part])
    sequential: bool = False
    full_scan: bool = False
    """Whether the question is put to every window, in a second look."""
    ignore_scope: bool = False
    """Whether to read beyond the pages and sections that the question names: it asks more than they answer."""
    missing_pages: tuple[str, ...] = ()
    """The whole answer, where the question is only about pages that no document has."""
    scopes: dict[str, tuple[Passage, ...]] = field(default_factory=dict[str, tuple[Passage, ...]])
    """By question: the passages of the pages and sections that it names."""
    draft: tuple[UncheckedClaim, ...] | None = None
    judgement: Judgement | None = None
    earlier: Judgement | None = None
    """The judgement before a second look."""
    outline: tuple[str, ...] = ()

    steps: list[AgentStep] = field(default_factory=list[AgentStep])
    failures: dict[str, int] = field(default_factory=dict[str, int])
    warnings: list[str] = field(default_factory=list[str])
    usage: Usage = field(default_factory=Usage)
    passages: dict[str, tuple[Passage, ...]] = field(default_factory=dict[str, tuple[Passage, ...]])
    tokens: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    read: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    windows: int = 0
    cached_windows: int = 0
    """Windows whose notes an earlier run had stored."""

    def __post_init__(self) -> None:
        self.question = self.request.question

    async def ask(self, task: Task[ResultT]) -> ResultT:
        """Run a task on the engine and add its cost to the usage.

        Raises:
            EngineError: The engine did not answer.
        """
        outcome = await self.engine.run(task)
        self.usage += outcome.usage
        return outcome.result

    async def load(self) -> None:
        """Load the documents' passages and token counts."""
        for document in self.request.documents:
            key = document.document_id
            self.passages[key], self.tokens[key] = await asyncio.gather(
                self.library.passages(key),
                self.library.token_counts(key, self.engine.info.tokenizer, self.engine.count_tokens),
            )
            self.read.setdefault(key, set())

    @property
    def total_tokens(self) -> int:
        """Tokens of all documents, by the engine's tokenizer."""
        return sum(sum(counts) for counts in self.tokens.values())

    @property
    def window_tokens(self) -> int:
        """Tokens of one reading window: the setting, or less where the engine's context is smaller."""
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
        """Seconds that reading everything adds to the budget: one agent's time limit for every window."""
        return self.settings.agent_seconds * (1 + self.total_tokens / self.window_tokens)

    @property
    def all_passages(self) -> tuple[Passage, ...]:
        """Every passage of every document, in order."""
        return tuple(passage for document in self.request.documents for passage in self.passages[document.document_id])

    @property
    def everything_read(self) -> bool:
        """Whether the engine has read every passage."""
        return all(len(self.read[key]) == len(passages) for key, passages in self.passages.items())

    def read_spans(self) -> dict[str, list[tuple[int, int]]]:
        """Return the character spans that the engine has read, by document id."""
        return {
            key: [(self.passages[key][index].start, self.passages[key][index].end) for index in sorted(indexes)]
            for key, indexes in self.read.items()
        }

    def mark_read(self, passages: Sequence[Passage]) -> None:
        """Record that the engine has read these passages; a part of a passage does not count."""
        for passage in passages:
            whole = self.passages[passage.document_id][passage.index]
            if (passage.start, passage.end) == (whole.start, whole.end):
                self.read[passage.document_id].add(passage.index)

    def add_reason(self, reason: str) -> None:
        """Append a reason for the chosen route, once."""
        if reason not in self.reason:
            self.reason = f"{self.reason} {reason}".strip()

    def report(self, fraction: float, message: str, *notes: str) -> None:
        """Report how far the run has come, with notes to show to a caller who waits."""
        self.on_progress(Progress(fraction=min(1.0, fraction), message=message), notes)

    def failed(self, agent: str) -> int:
        """Return how many turns of an agent have failed beyond recovery."""
        return self.failures.get(agent, 0)
