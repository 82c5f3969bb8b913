"""GPU memory that a start worked with, given back before the KV cache takes its own.

Where vLLM is told how large the KV cache is, it compiles and profiles, and keeps what that took, up to 0.94 GiB, in
torch's allocator: the cache comes on top of it, and a plan that fills a card runs out of memory for a moment.
"""

from functools import wraps
from importlib import import_module
from typing import Any

_METHOD = "initialize_from_config"


def register_release() -> None:
    """Have vLLM's workers give back what they do not use before they make the KV cache; a second call changes nothing.

    Raises:
        AttributeError: This vLLM makes its KV cache elsewhere.
    """
    torch: Any = import_module("torch")
    releasing(import_module("vllm.v1.worker.worker_base").WorkerWrapperBase, torch.cuda.empty_cache)


def releasing(worker: Any, release: Any) -> None:
    """Call `release` before the method of a class that makes the KV cache.

    Raises:
        AttributeError: The class has no such method.
    """
    make = getattr(worker, _METHOD)
    if hasattr(make, "releases"):
        return

    @wraps(make)
    def released(*args: Any, **kwargs: Any) -> Any:
        release()
        return make(*args, **kwargs)

    released.releases = True  # type: ignore[attr-defined]
    setattr(worker, _METHOD, released)
