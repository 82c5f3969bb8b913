"""The engine that needs no model: every task is computed from the passages by rule."""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar, cast

from agents.engine.engine import Outcome, Task
from agents.errors import EngineError
from agents.language.tokens import estimate_tokens
from agents.schema import EngineInfo, Frozen, Usage

ResultT = TypeVar("ResultT", bound=Frozen)
Compute = Callable[[Any], Frozen]

NOTE = "No language model was used: this is made of the documents' own sentences, chosen by rule."


class ExtractiveEngine:
    """An engine without a model; the same task always gives the same result.

    It has no context limit: evidence of any length is narrowed down by its words first. Its token counts are estimates.
    """

    @property
    def info(self) -> EngineInfo:
        """What the engine is."""
        return EngineInfo(name="extractive", tokenizer="estimate", notes=(NOTE,))

    async def run(self, task: Task[ResultT]) -> Outcome[ResultT]:
        """Compute one task in a thread; a cancelled one ends there by itself within seconds.

        Raises:
            EngineError: The task is of a kind that this engine does not know, or has nothing to work on.
        """
        compute = _computations().get(type(task).__name__)
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
        """Count tokens by the fixed rule of `agents.language.tokens`."""
        return estimate_tokens(text)

    async def close(self) -> None:
        """Nothing is held."""


@lru_cache(maxsize=1)
def _computations() -> Mapping[str, Compute]:
    """Return what computes each task; loaded with the first task, not with the module."""
    from agents.engine.extractive import conversation, decisions, digest, drafting, judging, notes, reducing

    return MappingProxyType(
        {
            "Route": decisions.route,
            "Plan": decisions.plan,
            "NextStep": decisions.next_step,
            "StandaloneQuestion": conversation.condense,
            "Draft": drafting.draft,
            "Verdict": judging.verdict,
            "Revise": judging.revise,
            "RewriteAnswer": drafting.compose,
            "WindowNotes": notes.window_notes,
            "Reduce": reducing.reduce_points,
            "UpdateSummary": digest.digest,
        }
    )
