"""Reading vLLM's log: how far its start is, or why it failed."""

import re
from itertools import pairwise
from typing import NamedTuple

from agents.engine.vllm.plugin import QUANTIZATION
from agents.schema import Progress


class Stage(NamedTuple):
    """A step of the start, and the share of the start's time after which it usually comes."""

    pattern: re.Pattern[str]
    share: float
    message: str


STAGES = (
    Stage(
        re.compile(r"Graph capturing finished|init engine .*took|Application startup complete"),
        0.95,
        "opening its port",
    ),
    Stage(re.compile(r"[Cc]apturing CUDA graphs?|Capturing cudagraph"), 0.85, "capturing graphs"),
    Stage(re.compile(r"GPU KV cache size|CPU KV cache size|KV cache size"), 0.8, "setting up the KV cache"),
    Stage(
        re.compile(r"torch\.compile (takes|took)|Dynamo bytecode|Compiling a graph|Warming up model"), 0.4, "compiling"
    ),
    Stage(re.compile(r"Model loading took|Loading weights took"), 0.3, "compiling"),
    Stage(re.compile(r"Starting to load model|Loading (safetensors )?checkpoint"), 0.15, "loading weights"),
    Stage(re.compile(r"Downloading|Fetching \d+ files"), 0.1, "downloading the model"),
    Stage(re.compile(r"Initializing a V1 LLM engine|vLLM API server version"), 0.05, "starting"),
)

_EXCEPTION = re.compile(
    r"^(?:\([^)]*\)\s*)?(?:ERROR [^\]]*\]\s*)?((?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt)): (.+)$"
)
_UNINFORMATIVE = (
    "Engine core initialization failed",
    "Engine process failed to start",
    "WorkerProc initialization failed",
)
_UNFINISHED = ("validation error for ModelConfig", "validation error for VllmConfig", "Reasons:", "Reasons: ")
_DETAIL = re.compile(r"^\([^)]*\)\s*(?:ERROR [^\]]*\]\s*)?|\s*\[type=.*$")
_PORT_TAKEN = re.compile(r"address already in use", re.IGNORECASE)
_KV_CACHE_REJECTED = re.compile(
    # FlashInfer calls nvcc by ninja while vLLM starts, and says no more than that one of them is missing or has failed.
    rf"e5m2|kv.?cache.?dtype|q_data_type|flashinfer|nvcc|ninja|attention.?backend|backend custom|{QUANTIZATION}",
    re.IGNORECASE,
)
# Through its memory.py goes every KV cache that is made, and so every traceback of one that could not be.
_PLUGIN_FRAME = re.compile(r'File "[^"]*readroom_vllm_plugin[\\/](?!memory\.py)')
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_INFORMATIVE_SHARE = 0.3
"""From here on the step says more about the time left than earlier starts do."""


def stage(log: str) -> Stage | None:
    """Return the furthest step that the log of a start mentions."""
    return next((stage for stage in STAGES if stage.pattern.search(log)), None)


def progress(log: str, passed_seconds: float, usual_seconds: float) -> Progress:
    """Return how far a start is and when it will be ready.

    Args:
        log: vLLM's log so far.
        passed_seconds: Since the start began.
        usual_seconds: What a start takes.
    """
    reached = stage(log)
    share = reached.share if reached else 0.0
    left = max(0.0, usual_seconds - passed_seconds)
    if share >= _INFORMATIVE_SHARE:
        left = min(left, passed_seconds * (1 - share) / share)
    step = reached.message if reached else "starting"
    return Progress(
        fraction=min(0.99, max(share, min(0.9, passed_seconds / usual_seconds))),
        message=f"The engine is {step}, ready in about {5 * round(left / 5) or 5} s",
    )


def root_cause(log: str) -> str | None:
    """Return the first informative error, in one line; later ones only repeat that the start failed."""
    lines = [line.strip() for line in _COLOUR.sub("", log).splitlines()]
    for line, following in pairwise([*lines, ""]):
        found = _EXCEPTION.match(line)
        if found and not found[2].startswith(_UNINFORMATIVE):
            more = f" {_DETAIL.sub('', following)}" if found[2].endswith(_UNFINISHED) else ""
            return f"{found[1].rpartition('.')[2]}: {found[2].strip()}{more}"[:400]
    return None


def port_taken(log: str) -> bool:
    """Whether the start failed because another program had the port."""
    return bool(_PORT_TAKEN.search(log))


def kv_cache_rejected(reason: str) -> bool:
    """Whether a start failed on the KV cache's dtype, on the attention kernel for it, or on our format's name."""
    return bool(_KV_CACHE_REJECTED.search(reason))


def plugin_failed(log: str) -> bool:
    """Whether a traceback goes through what Readroom's plugin computes."""
    return bool(_PLUGIN_FRAME.search(log))
