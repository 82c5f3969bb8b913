"""The memory that the engine will take of a GPU, planned before it starts, and the memory that it takes.

Where a figure is measured and not computed, it comes from one H200 with vLLM 0.26.0 and the true shapes
of Qwen3-4B-Instruct-2507 (dummy weights); `benchmarks/gpu` measures them again.
"""

from collections.abc import Sequence
from contextlib import suppress

import psutil
from pydantic import Field

from agents.engine.model_config import GIB, ModelShape, read_shape
from agents.engine.vllm.hardware import FP8_FROM, Gpu, gpu_memory_by_process, read_gpus
from agents.engine.vllm.plugin import BLOCK
from agents.engine.vllm.processes import ProcessId, session
from agents.errors import EngineError
from agents.schema import Frozen
from agents.settings import EngineSettings

CONTEXT_GIB = 0.5
"""The process's CUDA context and its libraries' work space."""
ACTIVATION_BASE_GIB = 0.65
GRAPH_GIB = 0.0125
"""One CUDA graph of a small batch: four took 0.05 GiB."""
FLASHINFER_GIB = 0.02
"""What FlashInfer's modules and plans take beside its work space; of vLLM's own kernels no other takes E5M2."""
FLASHINFER_WORKSPACE_BYTES = 128 * 1024**2
"""The least work space that is asked for; vLLM's own floor is 394 MiB."""
STRETCHES_GIB = 0.12
"""What our attention takes to widen stretches of an E5M2 cache of 8 KV heads of 128: the engine took 15.07 GiB of 15.00
planned without it, 14.93 with it."""
_STRETCHES_WIDTH = 8 * 128
FLASH_ATTENTION_GIB = 0.1
"""What FlashAttention, which other caches run on, takes beside our kernels: 15.06 GiB of 15.00 planned without it."""
MARGIN_GIB = 0.25
"""What FlashAttention and the allocator took beyond the other parts: 15.12 GiB where 15.00 had been planned."""
START_GIB = 0.05
"""What may be taken by others between the plan and the start: six starts that were planned so served all that they
promised (benchmarks/results/small_card_h100.json)."""
BLOCK_TOKENS = 16
"""Of vLLM's KV cache."""
MIN_BATCH_TOKENS = 1_024
MIN_CONTEXT_TOKENS = 8_192
"""Below this no window of a document is worth reading."""
_BUDGET_TOLERANCE_GIB = 0.05


class MemoryPlan(Frozen):
    """Where the memory of one GPU goes, in GiB, and what follows for vLLM."""

    gpu: str
    gpus: int = Field(default=1, description="GPUs that share the model; every figure is for one of them.")
    total_gib: float
    free_gib: float
    budget_gib: float
    weights_gib: float
    kv_cache_gib: float
    activations_gib: float
    graphs_gib: float
    runtime_gib: float = Field(description="CUDA context, libraries, attention work space, and a margin.")
    kv_cache_dtype: str
    kv_bytes_per_token: int
    context_tokens: int
    kv_tokens: int = Field(description="Tokens that the KV cache holds for all requests together.")
    batch_tokens: int
    gpu_memory_utilization: float = Field(description="Share of the GPU below which vLLM is to refuse to start.")
    notes: tuple[str, ...] = ()

    @property
    def needed_gib(self) -> float:
        """What the engine's process will take, its CUDA context included."""
        return self.weights_gib + self.kv_cache_gib + self.activations_gib + self.graphs_gib + self.runtime_gib

    @property
    def kv_cache_bytes(self) -> int:
        """The KV cache as vLLM is told."""
        return int(self.kv_cache_gib * GIB)

    def rows(self) -> tuple[tuple[str, str], ...]:
        """Return the plan as a table of what and how much."""
        return (
            ("GPU", f"{self.gpu}, {self.total_gib:.1f} GiB, {self.free_gib:.1f} free"),
            ("budget", f"{self.budget_gib:.2f} GiB"),
            ("weights", f"{self.weights_gib:.2f} GiB"),
            (f"KV cache ({self.kv_cache_dtype})", f"{self.kv_cache_gib:.2f} GiB for {self.kv_tokens:,} tokens"),
            (f"activations ({self.batch_tokens:,} tokens)", f"{self.activations_gib:.2f} GiB"),
            ("CUDA graphs", f"{self.graphs_gib:.2f} GiB"),
            ("context and libraries", f"{self.runtime_gib:.2f} GiB"),
            ("needed", f"{self.needed_gib:.2f} GiB"),
            ("context", f"{self.context_tokens:,} tokens"),
        )


def plan(settings: EngineSettings, gpus: Sequence[Gpu], shape: ModelShape | None = None) -> MemoryPlan:
    """Fit the model and its context into the budget and into what is free now.

    The batch shrinks first, then the context, down to what is still of use.

    Raises:
        EngineError: Nothing useful fits; the message holds the numbers, the hint the setting that would fit.
    """
    shape = shape or read_shape(settings.model)
    if shape is None:
        raise EngineError(
            f"The memory of {settings.model} cannot be planned: its config.json is not on this machine.",
            hint=f"Download it first (`hf download {settings.model}`), or set READROOM_ENGINE__MODEL to a folder.",
        )
    count = settings.tensor_parallel_size
    if len(gpus) < count:
        raise EngineError(
            f"READROOM_ENGINE__TENSOR_PARALLEL_SIZE is {count}, and this machine has {len(gpus)} NVIDIA GPU(s).",
            hint="Set it to the number of GPUs that the model may use.",
        )
    gpu = min(gpus[:count], key=lambda gpu: gpu.free_gib)
    allowed = max(0.0, min(settings.vram_budget_gib, gpu.free_gib - START_GIB))
    wanted = min(settings.max_model_len, shape.max_positions)
    footprint = Footprint(settings, shape, gpu.capability)
    batch = settings.max_num_batched_tokens
    while True:
        fixed = footprint.fixed_parts(batch)
        tokens = footprint.kv_tokens(allowed - sum(fixed.values()))
        if tokens >= wanted or batch // 2 < MIN_BATCH_TOKENS:
            break
        batch //= 2
    context = min(wanted, tokens)
    if context < min(MIN_CONTEXT_TOKENS, wanted):
        raise _refusal(settings, gpu, allowed, sum(fixed.values()), footprint.kv_gib(MIN_CONTEXT_TOKENS))
    kv_gib = footprint.kv_gib(tokens)
    # vLLM looks at the free memory when its CUDA context is there already, so that what is planned for that is no
    # longer free: asked for the whole plan, it refuses to start wherever the plan takes all that is free.
    certain_gib = fixed["weights_gib"] + kv_gib
    return MemoryPlan(
        gpu=gpu.name,
        gpus=count,
        total_gib=gpu.total_gib,
        free_gib=gpu.free_gib,
        budget_gib=settings.vram_budget_gib,
        kv_cache_gib=kv_gib,
        kv_cache_dtype=settings.kv_cache_dtype,
        kv_bytes_per_token=shape.kv_bytes_per_token(settings.kv_cache_dtype),
        context_tokens=context,
        kv_tokens=tokens,
        batch_tokens=batch,
        gpu_memory_utilization=max(0.01, round(certain_gib / gpu.total_gib - 0.0005, 3)),
        notes=_notes(settings, shape, context, batch, gpu, allowed),
        **fixed,
    )


class Footprint:
    """The memory that a model takes of one GPU under these settings.

    Args:
        settings: The engine's section.
        shape: The model's sizes.
        capability: The GPU's, of CUDA.
    """

    def __init__(self, settings: EngineSettings, shape: ModelShape, capability: tuple[int, int]) -> None:
        self._settings = settings
        self._shape = shape
        # Our plugin brings them into the format of the other weights, as its quantization.has_fp8 says.
        blocks = shape.vocabulary % (BLOCK * settings.tensor_parallel_size) == shape.hidden % BLOCK == 0
        own = settings.own_kernels and shape.fp8_checkpoint
        self._fp8_embeddings = own and blocks and capability >= FP8_FROM
        bytes_per_token = shape.kv_bytes_per_token(settings.kv_cache_dtype)
        self._kv_shares = min(settings.tensor_parallel_size, shape.kv_heads)
        """GPUs among which the KV heads are shared out; further ones have copies."""
        self._block_bytes = BLOCK_TOKENS * (bytes_per_token // self._kv_shares)
        self._spare_blocks = 1 + settings.max_num_seqs
        """Beside the context: vLLM keeps one, and each request rounds up to one."""

    def fixed_parts(self, batch: int) -> dict[str, float]:
        """Return everything but the KV cache, in GiB, by the field of a plan.

        Activations: a base, and the widest layer's output in 16 bits for each token of the batch
        (gate and up projection together); from 4,096 to 16,384 tokens it grew as this says.
        """
        settings, shape = self._settings, self._shape
        gpus = settings.tensor_parallel_size
        fp8 = settings.quantization == "fp8" or shape.fp8_checkpoint
        runtime = CONTEXT_GIB + MARGIN_GIB
        if settings.kv_cache_dtype == "fp8_e5m2" and settings.own_kernels:
            width = shape.kv_heads // self._kv_shares * shape.head_dim
            runtime += STRETCHES_GIB * max(1, width / _STRETCHES_WIDTH)
        elif settings.kv_cache_dtype == "fp8_e5m2":
            # 16 bytes for each element of a batch's queries.
            queries = batch * shape.heads * shape.head_dim
            runtime += FLASHINFER_GIB + max(FLASHINFER_WORKSPACE_BYTES, queries * 16) / gpus / GIB
        elif settings.own_kernels and shape.fp8_checkpoint:
            runtime += FLASH_ATTENTION_GIB
        return {
            "weights_gib": shape.weight_bytes(fp8, self._fp8_embeddings) / gpus / GIB,
            "activations_gib": ACTIVATION_BASE_GIB + batch * 4 * shape.intermediate / gpus / GIB,
            "graphs_gib": GRAPH_GIB * len(graph_sizes(settings)),
            "runtime_gib": runtime,
        }

    def kv_tokens(self, gib: float) -> int:
        """Return how many tokens a KV cache of this size holds."""
        return max(0, int(gib * GIB) // self._block_bytes - self._spare_blocks) * BLOCK_TOKENS

    def kv_gib(self, tokens: int) -> float:
        """Return the size of a KV cache that holds so many tokens."""
        return (-(-tokens // BLOCK_TOKENS) + self._spare_blocks) * self._block_bytes / GIB


def graph_sizes(settings: EngineSettings) -> tuple[int, ...]:
    """Return the batch sizes to capture, in tokens: powers of two and `max_num_seqs`, with their drafts and without."""
    most = settings.max_num_seqs
    requests = {*(2**power for power in range(most.bit_length())), most}
    return tuple(sorted({*requests, *(size * (1 + settings.draft_tokens) for size in requests)}))


def _notes(
    settings: EngineSettings, shape: ModelShape, context: int, batch: int, gpu: Gpu, allowed: float
) -> tuple[str, ...]:
    notes: list[str] = []
    free_now = f"{gpu.free_gib:.2f} are free, {START_GIB} for the start"
    limit = f"{allowed:.2f} GiB ({'the budget' if allowed == settings.vram_budget_gib else free_now})"
    if settings.max_model_len > shape.max_positions:
        notes.append(f"The model itself ends at {shape.max_positions:,} tokens.")
    if context < min(settings.max_model_len, shape.max_positions):
        notes.append(f"The context is {context:,} instead of {settings.max_model_len:,} tokens to fit {limit}.")
    if batch < settings.max_num_batched_tokens:
        notes.append(f"The batch is {batch:,} instead of {settings.max_num_batched_tokens:,} tokens to fit {limit}.")
    return tuple(notes)


def _refusal(settings: EngineSettings, gpu: Gpu, allowed: float, fixed: float, kv: float) -> EngineError:
    needed = fixed + kv
    with_start = needed + START_GIB
    if needed <= settings.vram_budget_gib and gpu.free_gib < with_start <= gpu.total_gib:
        hint = f"Free {with_start - gpu.free_gib:.1f} GiB on {gpu.name}; nvidia-smi lists who holds it."
    elif with_start <= gpu.total_gib:
        hint = f"Set READROOM_ENGINE__VRAM_BUDGET_GIB to at least {needed:.1f}."
    else:
        hint = "Set READROOM_ENGINE__MODEL to a smaller model, or READROOM_ENGINE__BASE_URL to a server elsewhere."
    return EngineError(
        f"{settings.model} needs {needed:.1f} GiB for {MIN_CONTEXT_TOKENS:,} tokens of context "
        f"({fixed:.1f} GiB before any); {gpu.name} allows {allowed:.1f} GiB "
        f"(budget {settings.vram_budget_gib:.1f}, free {gpu.free_gib:.1f} of {gpu.total_gib:.1f}).",
        hint=hint,
    )


class MemoryMeter:
    """Measures the GPU memory of the engine's processes, or their RAM where there is no GPU.

    Args:
        plan: The memory that was planned; None without a GPU.
    """

    def __init__(self, plan: MemoryPlan | None) -> None:
        self._plan = plan
        self._first: float | None = None

    def gib(self, leader: ProcessId | None) -> float | None:
        """Return the GiB in use; None where it cannot be read.

        Inside a container NVML may not know our process numbers; then all that has been taken of the GPU
        since the plan was made counts as ours.
        """
        if leader is None:
            return None
        processes = session(leader)
        if self._plan is None:
            resident = 0
            for process in processes:
                with suppress(psutil.Error):
                    resident += process.memory_info().rss
            return resident / GIB
        held = gpu_memory_by_process([process.pid for process in processes])
        if held is not None:
            return held / self._plan.gpus
        free = [gpu.free_gib for gpu in read_gpus()[: self._plan.gpus]]
        return max(0.0, self._plan.free_gib - min(free)) if free else None

    def over_budget(self, used: float | None) -> bool:
        """Whether a reading is past the budget; without a GPU there is none.

        An engine that starts a little above its plan stays there: then only growth is a reason to wait.
        """
        if self._plan is None or used is None:
            return False
        self._first = used if self._first is None else self._first
        return used > max(self._plan.budget_gib, self._first) + _BUDGET_TOLERANCE_GIB
