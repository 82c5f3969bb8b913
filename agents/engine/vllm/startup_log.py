"""What vLLM's log says about its start: how far it is, or why it failed."""

import re
from typing import NamedTuple

from agents.engine.vllm.plugin import QUANTIZATION


class Stage(NamedTuple):
    """A step of the start, and which part of the time to it usually takes."""

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
_EMPTY = ("Engine core initialization failed", "Engine process failed to start", "WorkerProc initialization failed")
_UNFINISHED = ("validation error for ModelConfig", "validation error for VllmConfig", "Reasons:", "Reasons: ")
_DETAIL = re.compile(r"^\([^)]*\)\s*(?:ERROR [^\]]*\]\s*)?|\s*\[type=.*$")
_PORT_TAKEN = re.compile(r"address already in use", re.IGNORECASE)
_KV_CACHE_REFUSED = re.compile(
    rf"e5m2|kv.?cache.?dtype|q_data_type|flashinfer|attention backend|{QUANTIZATION}", re.IGNORECASE
)
_PLUGIN_FRAME = re.compile(r'File "[^"]*readroom_vllm_plugin[\\/]')
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def stage(log: str) -> Stage | None:
    """Return the furthest step that the log of a start speaks of."""
    return next((stage for stage in STAGES if stage.pattern.search(log)), None)


def failure(log: str) -> str | None:
    """Return the first error that says something, in one line; what follows it only repeats that the start failed."""
    lines = [line.strip() for line in _COLOUR.sub("", log).splitlines()]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        found = _EXCEPTION.match(line)
        if found and not found[2].startswith(_EMPTY):
            more = f" {_DETAIL.sub('', following)}" if found[2].endswith(_UNFINISHED) else ""
            return f"{found[1].rpartition('.')[2]}: {found[2].strip()}{more}"[:400]
    return None


def port_taken(log: str) -> bool:
    """Whether the start failed because another program had the port."""
    return bool(_PORT_TAKEN.search(log))


def kv_cache_refused(reason: str) -> bool:
    """Whether a start failed on the KV cache's dtype, on the attention kernel for it, or on our format's name."""
    return bool(_KV_CACHE_REFUSED.search(reason))


def blames_plugin(log: str) -> bool:
    """Whether an error came out of Readroom's plugin: a traceback goes through it."""
    return bool(_PLUGIN_FRAME.search(log))
