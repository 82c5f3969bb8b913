"""A model's class, looked at by the process that will load it.

vLLM imports the class in a process of its own to ask what it can do, lest CUDA begins in the server, whose engine core
could then not be forked from it. Qwen3's class begins nothing, and the core needs the same import: the process of its
own took 21 s of a first start, the import none (benchmarks/results/decode_variants_h100.json). Were a class to begin
CUDA, vLLM would see it and start the core anew instead of forking it.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

_RUNS = "_run_in_subprocess"


def register_inspection() -> None:
    """Have vLLM look at classes where it is; a second call changes nothing.

    Raises:
        AttributeError: This vLLM looks at them in another way.
    """
    registry: Any = import_module("vllm.model_executor.models.registry")
    getattr(registry, _RUNS)
    setattr(registry, _RUNS, _run_here)


def _run_here(inspect: Callable[[], Any]) -> Any:
    return inspect()
