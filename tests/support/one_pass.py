"""The longest document that an engine's context holds, analysed and asked about in one pass through the product.

The window is set to the whole context. The document gets what the prompt's other parts, counted, and the least answer
that is planned for leave of it. Random weights serve: the counts are the engine's own.
"""

import math
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from agents.assistant import Assistant
from agents.benchmark.checkpoints import sentences
from agents.benchmark.engines import RecordingEngine
from agents.engine import output_schema, prompt_layout
from agents.engine.engine import Engine, Task
from agents.engine.tasks.answering import Answerable, Draft
from agents.engine.tasks.reading import WindowNotes
from agents.schema import Analysis, Answer
from agents.settings import DocumentsSettings, Settings, SupervisorSettings
from agents.supervisor.context_budget import MIN_ANSWER_TOKENS
from benchmarks.scripted_engine import RULES, ScriptedEngine

FENCE_TOKENS = 64
"""Of the marks around the document with its title, at most."""
FOCUS = "What was measured at the station?"
QUESTION = "What was signed in March?"


@dataclass(frozen=True)
class Pass:
    """One document read in one pass."""

    analysis: Analysis
    answer: Answer
    tasks: tuple[tuple[Task[Any], int, int], ...]
    """Those that read the document; the prompt's tokens as the engine counted them, and those from its cache."""

    text: str
    tokens: int
    """Of the document in one piece; its passages, counted one by one, come to a little more."""

    @property
    def whole(self) -> bool:
        """Whether every one of these prompts held every character and token of the document."""
        return all(
            prompt > self.tokens and "".join(passage.text for passage in task.evidence).strip() == self.text.strip()
            for task, prompt, _ in self.tasks
        )


def tokens_around(engine: Engine, task: Task[Any]) -> int:
    """Return the tokens of a task's prompt beside its document: system, instruction, form, question and marks."""
    rendered = prompt_layout.messages(task, output_schema.template(output_schema.schema(task)))
    return sum(engine.count_tokens(each["content"]) for each in rendered) + prompt_layout.TEMPLATE_TOKENS + FENCE_TOKENS


def made_text(engine: Engine, tokens: int) -> str:
    """Return made-up sentences of so many tokens, or a few less; no two documents begin alike."""
    seed = time.time_ns() % 1_000_000
    each = engine.count_tokens(sentences(200, seed)) / 200
    count = int(tokens / each)
    while engine.count_tokens(text := sentences(count, seed)) > tokens:
        count -= max(1, int((engine.count_tokens(text) - tokens) / each))
    return text


async def read_in_one_pass(engine: Engine, folder: Path) -> Pass:
    """Analyse a document that fills the engine's context, then ask about it in the same session."""
    context = engine.info.context_tokens or 0
    around = max(
        map(partial(tokens_around, engine), (WindowNotes(mode="summary", focus=FOCUS), Draft(question=QUESTION)))
    )
    text = made_text(engine, context - MIN_ANSWER_TOKENS - around)
    (folder / "long.txt").write_text(text, encoding="utf-8")
    settings = Settings(
        data_dir=folder / "data",
        documents=DocumentsSettings(roots=(folder,)),
        supervisor=SupervisorSettings(window_tokens=context, agent_seconds=1_200, max_seconds=3_000),
    )
    # Random weights would say at random whether the text answers.
    recording = RecordingEngine(ScriptedEngine({Answerable: RULES[Answerable]}, engine=engine))
    assistant = Assistant(settings, engine=recording)
    try:
        # A summary reads small windows, unless the caller asks for one.
        analysis = await assistant.analyze(
            str(folder / "long.txt"), focus=FOCUS, window_tokens=context, wait_seconds=math.inf
        )
        answer = await assistant.ask(
            QUESTION, session_id=analysis.session.session_id if analysis.session else None, wait_seconds=math.inf
        )
    finally:
        await assistant.close()
    reading = tuple(
        (task, outcome.usage.prompt_tokens, outcome.usage.cached_tokens)
        for task, outcome in recording.outcomes
        if isinstance(task, Draft | WindowNotes)
    )
    return Pass(analysis, answer, reading, text, engine.count_tokens(text))
