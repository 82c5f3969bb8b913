"""How `vllm serve` is launched: whether it can be, the command, its arguments and its environment."""

import hashlib
import importlib.util
import json
import math
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from agents.engine.engine import Availability
from agents.engine.model_config import GIB, ModelShape, read_shape
from agents.engine.vllm import hardware, memory_plan, reading_check
from agents.engine.vllm import plugin as vllm_plugin
from agents.engine.vllm.hardware import Gpu, read_gpus
from agents.engine.vllm.memory_plan import MemoryPlan
from agents.engine.vllm.state_files import Attempt, Launch, is_running
from agents.errors import EngineError
from agents.settings import EngineSettings

INSTALL_VLLM = f'{sys.executable} -m pip install "vllm>=0.26"'
USE_A_SERVER = "READROOM_ENGINE__BASE_URL=http://127.0.0.1:11434/v1 READROOM_ENGINE__MODEL=NAME readroom serve"

_ENTRY_POINT = "[vllm.general_plugins]\nreadroom_fp8 = readroom_vllm_plugin:register\n"
_OWN_ATTENTION = {"backend": "CUSTOM"}
"""What our plugin registers."""
_E5M2_ATTENTION = {
    # Of vLLM's own, FlashInfer alone takes E5M2, and only with queries in 16 bits.
    "backend": "FLASHINFER",
    "disable_flashinfer_q_quantization": True,
    # Its other kernels do not know E5M2; to see whether they can be had, vLLM would ask a server of NVIDIA's.
    "use_trtllm_attention": False,
}
_NGRAM = {"method": "ngram", "prompt_lookup_min": 2, "prompt_lookup_max": 5}
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  where vLLM keeps what it offloads
_CPU_SPARE_BLOCKS = 64
_CPU_BLOCK_TOKENS = 128


def availability(settings: EngineSettings, data_dir: Path | None = None) -> Availability:
    """Tell whether the resident engine runs or could be started; on a CPU only where it is asked for by name."""
    install = () if find_vllm(settings.vllm_command) else (INSTALL_VLLM,)
    if settings.kind == "vllm":
        return Availability(available=not install, missing=install)
    if data_dir and is_running(data_dir):
        return Availability(available=True, reason="A resident vLLM is running.")
    gpus = read_gpus()
    if not gpus:
        reason = "No NVIDIA GPU was found, so passages are searched and quoted without a language model."
        return Availability(available=False, reason=reason, missing=(USE_A_SERVER,))
    if install:
        reason = f"{gpus[0].name} is here, but vLLM is not installed."
        return Availability(available=False, reason=reason, missing=install)
    try:
        plan = memory_plan.plan(settings, gpus)
    except EngineError as error:
        return Availability(available=False, reason=error.message, missing=(error.hint,))
    return Availability(available=True, reason=f"{gpus[0].name} holds {plan.context_tokens:,} tokens of context.")


def missing(settings: EngineSettings, gpus: Sequence[Gpu]) -> tuple[str, ...]:
    """Return the commands that would add what the resident engine lacks on this machine."""
    absent: list[str] = []
    if not gpus:
        absent.append(f"an NVIDIA GPU with its driver, or a server elsewhere: {USE_A_SERVER}")
    if not find_vllm(settings.vllm_command):
        absent.append(INSTALL_VLLM)
    return tuple(absent)


def find_vllm(command: str) -> tuple[str, ...] | None:
    """Return the words that call vLLM, or None where it is not installed.

    The first word is looked up on PATH and beside our own Python; the default falls back to a vLLM
    that is importable here.
    """
    words = shlex.split(command)
    if not words:
        return None
    found = shutil.which(words[0]) or shutil.which(words[0], path=str(Path(sys.executable).parent))
    if found:
        return (str(Path(found).absolute()), *words[1:])
    if words == ["vllm"] and importlib.util.find_spec("vllm"):
        return (sys.executable, "-m", "vllm.entrypoints.cli.main")
    return None


def plan_launch(settings: EngineSettings, plugin_folder: Path) -> Launch:
    """Plan how the engine is started on this machine.

    Raises:
        EngineError: vLLM is not installed, or nothing useful fits into the memory, or RAM for evicted documents.
    """
    command = find_vllm(settings.vllm_command)
    if command is None:
        raise EngineError(
            f"vLLM is not installed: there is no `{settings.vllm_command}`.",
            hint=f"{INSTALL_VLLM}, or set READROOM_ENGINE__VLLM_COMMAND to where it is.",
        )
    _check_shared_memory(settings.kv_offload_gib)
    gpus = read_gpus()
    plan = memory_plan.plan(settings, gpus) if gpus else None
    served, notes = (settings, plan.notes) if plan else _on_a_cpu(settings)
    return Launch(
        model=settings.model,
        digest=digest(settings),
        identity=f"readroom-{digest(settings)}",
        command=command,
        attempts=attempts(served, plan, gpus),
        reading_sentences=_reading_sentences(settings, plan),
        environment=environment(settings, plan, plugin_folder),
        notes=notes,
        can_sleep=can_sleep(settings, plan),
        idle_sleep_seconds=settings.idle_sleep_seconds,
        idle_stop_seconds=settings.idle_stop_seconds,
        start_seconds=settings.start_seconds,
        started_by=os.getpid(),
    )


def _on_a_cpu(settings: EngineSettings) -> tuple[EngineSettings, tuple[str, ...]]:
    """Return what of the settings vLLM can do on this CPU, and what is said of the rest."""
    notes = ["No NVIDIA GPU was found: vLLM runs on the CPU."]
    changes: dict[str, str] = {}
    if settings.kv_cache_dtype != "auto" and not hardware.supports_fp8_kv_cache():
        changes["kv_cache_dtype"] = "auto"
        notes.append(f"This CPU has no AVX-512 for {settings.kv_cache_dtype}: the KV cache has 16 bits.")
    shape = read_shape(settings.model)
    if settings.quantization == "fp8" and shape and not shape.fp8_checkpoint:
        changes["quantization"] = "auto"
        notes.append("vLLM quantizes no weights on a CPU: they stay as the checkpoint has them.")
    return settings.model_copy(update=changes), tuple(notes)


def _check_shared_memory(gib: float) -> None:
    """Refuse to offload more than the shared memory holds: vLLM maps it there, and dies when it is full."""
    if not gib or not _SHARED_MEMORY.is_dir():
        return
    free = shutil.disk_usage(_SHARED_MEMORY).free / GIB
    if gib > free:
        raise EngineError(
            f"READROOM_ENGINE__KV_OFFLOAD_GIB asks for {gib:g} GiB, and {_SHARED_MEMORY} has {free:.1f} GiB free.",
            hint=f"Lower it, or give it more: `mount -o remount,size={math.ceil(gib) + 1}G {_SHARED_MEMORY}`.",
        )


def digest(settings: EngineSettings) -> str:
    """Return a digest of every setting that changes what is served: engines with the same digest are the same."""
    served = settings.model_dump(
        mode="json",
        include={
            "model",
            "max_model_len",
            "quantization",
            "kv_cache_dtype",
            "vram_budget_gib",
            "max_num_seqs",
            "max_num_batched_tokens",
            "tensor_parallel_size",
            "kv_offload_gib",
            "own_kernels",
            "draft_tokens",
            "extra_args",
        },
    )
    return hashlib.sha256(json.dumps(served, sort_keys=True).encode()).hexdigest()[:12]


def _reading_sentences(settings: EngineSettings, plan: MemoryPlan | None) -> int:
    """Return how long a text the started engine is to copy from: a quarter of a small context at most."""
    if not settings.check_reading:
        return 0
    usual = reading_check.SENTENCES_ON_GPU if plan else reading_check.SENTENCES_ON_CPU
    context = plan.context_tokens if plan else settings.max_model_len
    return min(usual, context // (4 * reading_check.SENTENCE_TOKENS))


def attempts(settings: EngineSettings, plan: MemoryPlan | None, gpus: Sequence[Gpu] = ()) -> tuple[Attempt, ...]:
    """Return how to start, and how else if our plugin or the KV cache dtype cannot be had, or ruins the model.

    For heads that our attention does not fit there is vLLM's own over E5M2. E4M3 stands in for E5M2, without our
    plugin: it takes the same memory. The last resort is a KV cache of 16 bits, which holds half the context on a GPU.
    """
    e5m2 = settings.kv_cache_dtype == "fp8_e5m2"
    dtype = "fp8_e4m3" if e5m2 else settings.kv_cache_dtype
    others: list[dict[str, Any]] = [{"own_kernels": False}] if e5m2 and settings.own_kernels else []
    others.append({"own_kernels": False, "kv_cache_dtype": dtype})
    if dtype != "auto":
        others += [{"kv_cache_dtype": "auto"}, {"own_kernels": False, "kv_cache_dtype": "auto"}]
    found = [_attempt(settings, plan, plugin=True)]
    for changed in others:
        other = settings.model_copy(update=changed)
        # Its own plan: vLLM's own kernels and embeddings take more.
        with suppress(EngineError):
            other_plan = memory_plan.plan(other, gpus) if plan else None
            found.append(_attempt(other, other_plan, plugin=_needs_plugin(other)))
    return tuple(found)


def _needs_plugin(settings: EngineSettings) -> bool:
    """Whether these settings are not vLLM's alone: it refuses E5M2 beside FP8 weights."""
    return settings.own_kernels or settings.kv_cache_dtype == "fp8_e5m2"


def _attempt(settings: EngineSettings, plan: MemoryPlan | None, *, plugin: bool) -> Attempt:
    return Attempt(
        kv_cache_dtype=settings.kv_cache_dtype,
        arguments=serve_arguments(settings, plan),
        plugin=plugin,
        plan=plan,
        context_tokens=plan.context_tokens if plan else settings.max_model_len,
    )


def serve_arguments(settings: EngineSettings, plan: MemoryPlan | None) -> tuple[str, ...]:
    """Return what `vllm` is called with; on a CPU, where there is no plan, as the settings say."""
    shape = read_shape(settings.model)
    folder = Path(settings.model)
    words = ["serve", str(folder.absolute()) if folder.is_dir() else settings.model]
    words += ["--max-model-len", str(plan.context_tokens if plan else settings.max_model_len)]
    words += ["--kv-cache-dtype", settings.kv_cache_dtype]
    words += ["--max-num-seqs", str(settings.max_num_seqs)]
    words += ["--max-num-batched-tokens", str(plan.batch_tokens if plan else settings.max_num_batched_tokens)]
    words += ["--tensor-parallel-size", str(settings.tensor_parallel_size)]
    words += ["--structured-outputs-config", json.dumps({"backend": "guidance", "disable_any_whitespace": True})]
    words += ["--enable-prompt-tokens-details"]
    words += _quantization(settings, plan, shape)
    words += _gpu(settings, plan) if plan else _cpu(settings, shape)
    if settings.draft_tokens:
        words += ["--speculative-config", json.dumps({"num_speculative_tokens": settings.draft_tokens} | _NGRAM)]
    if settings.kv_offload_gib:
        words += ["--kv-offloading-backend", "native", "--kv-offloading-size", f"{settings.kv_offload_gib:g}"]
    return (*words, *settings.extra_args)


def _quantization(settings: EngineSettings, plan: MemoryPlan | None, shape: ModelShape | None) -> list[str]:
    fp8_checkpoint = shape is not None and shape.fp8_checkpoint
    if plan and settings.own_kernels and fp8_checkpoint:
        return ["--quantization", vllm_plugin.QUANTIZATION_WITH_KERNELS]
    if settings.kv_cache_dtype == "fp8_e5m2" and (settings.quantization == "fp8" or fp8_checkpoint):
        return ["--quantization", vllm_plugin.QUANTIZATION]
    return ["--quantization", "fp8"] if settings.quantization == "fp8" else []


def _gpu(settings: EngineSettings, plan: MemoryPlan) -> list[str]:
    words = ["--gpu-memory-utilization", f"{plan.gpu_memory_utilization:g}"]
    words += ["--kv-cache-memory-bytes", str(plan.kv_cache_bytes)]
    words += ["--cudagraph-capture-sizes", *(str(size) for size in memory_plan.graph_sizes(settings))]
    if settings.kv_cache_dtype == "fp8_e5m2":
        attention = _OWN_ATTENTION if settings.own_kernels else _E5M2_ATTENTION
        words += ["--attention-config", json.dumps(attention)]
    return words if settings.kv_offload_gib else [*words, "--enable-sleep-mode"]


def _cpu(settings: EngineSettings, shape: ModelShape | None) -> list[str]:
    """Size the KV cache for one whole context; the CPU build would take a share of all memory."""
    if shape is None:
        return []
    blocks = -(-settings.max_model_len // _CPU_BLOCK_TOKENS) + _CPU_SPARE_BLOCKS
    size = blocks * _CPU_BLOCK_TOKENS * shape.kv_bytes_per_token(settings.kv_cache_dtype)
    return ["--kv-cache-memory-bytes", str(size)]


def environment(settings: EngineSettings, plan: MemoryPlan | None, plugin_folder: Path) -> dict[str, str]:
    """Return the variables that vLLM's process needs, and make our plugin importable there.

    The plugin is copied beside an entry point, because vLLM may live in an environment of its own that Readroom is
    not installed in.
    """
    info = plugin_folder / "readroom_vllm_plugin-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    shutil.copytree(
        Path(vllm_plugin.__file__).parent,
        plugin_folder / "readroom_vllm_plugin",
        ignore=shutil.ignore_patterns("__pycache__"),
        dirs_exist_ok=True,
    )
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: readroom-vllm-plugin\nVersion: 1\n")
    (info / "entry_points.txt").write_text(_ENTRY_POINT)
    variables = {
        # Its warm-up takes over 200 s on a fresh cache, and brings nothing at these batch sizes.
        "VLLM_USE_DEEP_GEMM": "0",
        "VLLM_USE_FLASHINFER_SAMPLER": "0",
        "VLLM_FLASHINFER_WORKSPACE_BUFFER_SIZE": str(memory_plan.FLASHINFER_WORKSPACE_BYTES),
        "VLLM_NO_USAGE_STATS": "1",
        "PYTHONUNBUFFERED": "1",
    }
    if plan is None:
        return variables | hardware.cpu_environment()
    if settings.own_kernels:
        variables[vllm_plugin.KERNELS_VARIABLE] = "1"
    if can_sleep(settings, plan):
        variables["VLLM_SERVER_DEV_MODE"] = "1"
    return variables | {
        # The engine's core inherits what the server has imported: 19 s of a start on an H100's machine.
        "VLLM_WORKER_MULTIPROC_METHOD": "fork",
        # Named, because torch.compile moves it while it compiles: the next start would compile 18 s of kernels anew.
        "TRITON_CACHE_DIR": os.environ.get("TRITON_CACHE_DIR") or str(Path.home() / ".triton" / "cache"),
    }


def can_sleep(settings: EngineSettings, plan: MemoryPlan | None) -> bool:
    """Whether the engine may sleep when idle: on a GPU, and not beside KV offloading (vLLM's issue 45268)."""
    return plan is not None and not settings.kv_offload_gib
