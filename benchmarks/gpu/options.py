"""The engine that a measurement asks for on its command line, and what the result says about where it ran."""

import argparse
import importlib.metadata
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agents.benchmark.checkpoints import write_qwen3_4b_fp8, write_tiny
from agents.benchmark.workbench import describe_machine, installed_versions
from agents.settings import DocumentsSettings, EngineSettings, Settings, SupervisorSettings
from benchmarks.gpu.card import this_card
from benchmarks.gpu.memory import read_device

IDLE_STOP_SECONDS = 900.0
"""An engine that a killed run left behind ends by itself."""
_CACHES = {
    "VLLM_CACHE_ROOT": "vllm",
    "FLASHINFER_WORKSPACE_BASE": "flashinfer",
    "TRITON_CACHE_DIR": "triton",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
}


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser that knows which engine is meant.

    Args:
        doc: The script's own description.
    """
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--out", type=Path, required=True, help="the JSON to write; CARD in it becomes the GPU's name")
    made.add_argument("--work", type=Path, default=Path("build/gpu"), help="where checkpoint and engine live")
    made.add_argument("--model", type=Path, help="a checkpoint with weights, instead of the dummies")
    made.add_argument("--tiny", action="store_true", help="the tiny checkpoint, for a rehearsal")
    made.add_argument("--vllm-command", default="vllm")
    made.add_argument("--extra", nargs="*", default=[], help="more arguments for vllm serve, each written as +-name")
    made.add_argument("--set", nargs="*", default=[], help="more settings of the engine, as name=JSON")
    made.add_argument("--caches", type=Path, help="a folder of its own for what vLLM compiles: empty, a cold start")
    made.add_argument("--seconds", type=float, default=560.0, help="time for everything")
    return made


def prepare(asked: argparse.Namespace) -> None:
    """Make the folders, name the file, and set where compiled code is kept: started engines inherit it."""
    asked.work = asked.work.absolute()
    asked.work.mkdir(parents=True, exist_ok=True)
    asked.out = asked.out.with_name(asked.out.name.replace("CARD", this_card()))
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    if asked.caches:
        os.environ.update({name: str(asked.caches.absolute() / folder) for name, folder in _CACHES.items()})


def engine_settings(asked: argparse.Namespace, kv_cache_dtype: str, **changes: object) -> EngineSettings:
    """Return the product's settings of the engine for one KV cache dtype; equal settings share one engine."""
    extra = [word.removeprefix("+") for word in asked.extra]
    if asked.tiny:
        model = write_tiny(asked.work / "tiny")
        extra.append("--enforce-eager")
        changes = {"quantization": "auto"} | changes
    elif asked.model:
        model = asked.model
    else:
        model = write_qwen3_4b_fp8(asked.work / "qwen3-4b-fp8")
        extra += ["--load-format", "dummy"]
    named = {name: json.loads(value) for name, _, value in (word.partition("=") for word in asked.set)}
    return EngineSettings(
        kind="vllm",
        # Random and dummy weights read nothing.
        check_reading=bool(asked.model),
        model=str(model),
        kv_cache_dtype=kv_cache_dtype,
        vllm_command=asked.vllm_command,
        extra_args=tuple(extra),
        idle_sleep_seconds=0,
        idle_stop_seconds=IDLE_STOP_SECONDS,
        **(changes | named),
    )


def data_dir(asked: argparse.Namespace, kv_cache_dtype: str) -> Path:
    """Return where the engine of one KV cache dtype keeps its files, made if it is missing."""
    folder = asked.work / f"data-{kv_cache_dtype}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def product_settings(engine: EngineSettings, folder: Path, **supervisor: object) -> Settings:
    """Return all of the product's settings: the defaults but for the engine, the data folder and what may be read."""
    return Settings(
        data_dir=folder,
        engine=engine,
        documents=DocumentsSettings(roots=(folder,)),
        supervisor=SupervisorSettings(**supervisor),
    )


def surroundings(asked: argparse.Namespace, what: str) -> dict[str, Any]:
    """Return what was measured when, on what, and with which versions."""
    weights = "the tiny random checkpoint" if asked.tiny else str(asked.model or "dummies of the true shape")
    return {
        "what": what,
        "weights": f"{weights}: speed, memory and context are real, the answers have no meaning",
        **here(),
    }


def here() -> dict[str, Any]:
    """Return when and on what a measurement is made, and with which versions."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": read_device(),
        "machine": describe_machine().model_dump(mode="json"),
        "python": platform.python_version(),
        "versions": installed_versions() | _versions(),
        "command": sys.argv[1:],
    }


def _versions() -> dict[str, str]:
    """Return the versions of what computes."""
    found: dict[str, str] = {}
    for name in ("vllm", "torch", "transformers", "flashinfer-python", "xgrammar", "tokenizers"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
