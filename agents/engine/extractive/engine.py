"""The engine that needs no model: a table of tasks, each computed from the passages by rule."""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar, cast

from agents.engine.engine import Outcome, Task
from agents.errors import EngineError
from agents.language.tokens import estimate_tokens
from agents.schema import EngineInfo, Frozen, Usage

ResultT = TypeVar("ResultT", bound=Frozen)

NOTE = "No language model was used: this is made of the documents' own sentences, chosen by rule."


class ExtractiveEngine:
    """An engine without a model; the same task always gives the same result.

    It has no context limit: evidence of any length is first narrowed down to the passages that share words with the
    question. Token counts are estimates.
    """

    @property
    def info(self) -> EngineInfo:
        """What the engine is."""
        return EngineInfo(name="extractive", generative=False, tokenizer="estimate", notes=(NOTE,))

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Compute one task in a thread. A cancelled call returns at once; its thread ends by itself within seconds.

        Raises:
            EngineError: The engine does not know this kind of task, or the task holds nothing to work on.
        """
        compute = self._functions.get(type(task).__name__)
        if compute is None:
            raise EngineError(
                f"The extractive engine cannot compute {type(task).__name__}.",
                hint="Set READROOM_ENGINE__KIND to vllm or openai for tasks that need a language model.",
            )
        started = time.monotonic()
        result = await asyncio.to_thread(compute, task)
        usage = Usage(engine_calls=1, seconds=time.monotonic() - started)
        return Outcome(cast("ResultT", result), usage)

    def count_tokens(self, text: str) -> int:
        """Estimate the tokens of a text by the fixed rule of `agents.language.tokens`."""
        return estimate_tokens(text)

    async def close(self) -> None:
        """Do nothing: no resources are held."""

    @cached_property
    def _functions(self) -> Mapping[str, Callable[[Any], Frozen]]:
        """The function that computes each task; imported with the first task, for numpy and the rules load slowly."""
        from agents.engine.extractive import answering, decisions, notes, reducing

        return {
            "Route": decisions.route,
            "Plan": decisions.plan,
            "NextStep": decisions.next_step,
            "StandaloneQuestion": decisions.standalone_question,
            "Excerpts": answering.excerpts,
            "RewriteAnswer": answering.rewrite_answer,
            "WindowNotes": notes.window_notes,
            "Overview": reducing.overview,
            "Reduce": reducing.reduce,
        }
