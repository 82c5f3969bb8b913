"""Run what Readroom puts into vLLM in vLLM's own environment, without a GPU, and print what came out as JSON.

VLLM_PYTHON checks.py interpreted     # Triton's interpreter computes the kernels on the CPU
VLLM_PYTHON checks.py compiled        # Triton compiles what it cannot interpret, for GPUs that are not there
VLLM_PYTHON checks.py hooked          # our attention on vLLM's own builder
VLLM_PYTHON checks.py tokenized       # vLLM's own renderer with our memory of texts
"""
# pyright: basic, reportMissingImports=false, reportPrivateUsage=false

import json
import os
import sys
from pathlib import Path
from typing import Any

if sys.argv[1] != "compiled":
    os.environ["TRITON_INTERPRET"] = "1"
os.environ["VLLM_FLASHINFER_WORKSPACE_BUFFER_SIZE"] = str(128 * 1024**2)
os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")
sys.path.insert(0, str(Path(__file__).parents[5]))

import torch
import triton

REPOSITORY = Path(__file__).parents[5]
HEADS, KV_HEADS, SIZE, PAGE = 4, 2, 16, 16


def interpreted() -> dict[str, Any]:
    """Return how far each kernel is from plain torch: relative errors."""
    without_a_gpu()
    from agents.engine.vllm.plugin import quantization, several_tokens

    torch.manual_seed(1)
    found: dict[str, Any] = {"products": {}, "attention": {}}
    for rows, columns in ((256, 1_536), (384, 128)):
        weight = torch.randn(rows, columns).to(torch.float8_e4m3fn)
        scale = torch.rand(rows // 128, columns // 128) + 0.5
        for tokens in (1, 3, 16):
            # In fp16: the interpreter knows no product of bf16 matrices.
            x = torch.randn(tokens, columns, dtype=torch.float16)
            for splits in (1, 4) if columns > 128 else (1,):
                tiling = several_tokens.Tiling(32, 4, 3, splits)
                y = several_tokens.multiply(x, weight, scale, tiling)
                error = distance(y, quantization.reference(x, weight, scale))
                found["products"][f"{tokens} of {columns} for {rows} in {splits}"] = error
    for context, new in ((0, 50), (37, 40), (64, 33), (201, 7)):
        found["attention"][f"{new} behind {context}"] = attention_error(context, new)
    return found


def attention_error(context: int, new: int) -> float:
    """Return how far attention in stretches of 64 is from attention over all at once, for two requests."""
    from agents.engine.vllm.plugin import attention

    attention.STRETCH_TOKENS = 64
    tokens = context + new
    count = -(-tokens // PAGE)
    last_page = tokens - (count - 1) * PAGE
    # Whole numbers: the interpreter rounds E5M2's smallest ones off.
    cache = torch.randint(-3, 4, (2 * count, PAGE, KV_HEADS, 2 * SIZE)).half().to(torch.float8_e5m2)
    keys, values = cache.split(SIZE, dim=-1)
    pages = torch.randperm(2 * count, dtype=torch.int32)
    q = torch.randn(2 * new, HEADS, SIZE, dtype=torch.float16)
    requests = attention.lay_out([0, new, 2 * new], [0, count, 2 * count], [last_page] * 2, pages, PAGE)
    out = attention.StretchedAttention(flash, merge).run(q, keys, values, requests, SIZE**-0.5, torch.empty_like(q))
    expected = torch.cat(
        [whole(q[one * new :][:new], keys, values, pages[one * count :][:count], tokens) for one in (0, 1)]
    )
    return distance(out, expected)


def whole(q: Any, keys: Any, values: Any, pages: Any, tokens: int) -> Any:
    """Return one request's attention over all of its tokens."""
    wide = [cache.to(torch.float16)[pages.long()].flatten(0, 1)[:tokens] for cache in (keys, values)]
    return attend(q, *wide, causal=True)[0]


def flash(q: Any, keys: Any, values: Any, *_: Any, causal: bool, out: Any, **__: Any) -> Any:
    """Stand for `flash_attn_varlen_func` with one request."""
    part, lse = attend(q, keys, values, causal)
    return (part if out is None else out.copy_(part)), lse


def attend(q: Any, keys: Any, values: Any, causal: bool) -> Any:
    """Return attention of new tokens that are the last of all, and its log-sum-exp, [heads, tokens]."""
    keys, values = (each.float().repeat_interleave(HEADS // KV_HEADS, dim=1) for each in (keys, values))
    scores = torch.einsum("qhd,khd->hqk", q.float(), keys) * SIZE**-0.5
    if causal:
        hidden = torch.ones(len(q), len(keys), dtype=torch.bool).triu(len(keys) - len(q) + 1)
        scores = scores.masked_fill(hidden, float("-inf"))
    return torch.einsum("hqk,khd->qhd", scores.softmax(-1), values).to(q.dtype), scores.logsumexp(-1)


def merge(out: Any, first: Any, first_lse: Any, second: Any, second_lse: Any, lse: Any) -> None:
    """Stand for `merge_attn_states`."""
    torch.logaddexp(first_lse, second_lse, out=lse)
    shares = [torch.exp(each - lse).T.unsqueeze(-1) for each in (first_lse, second_lse)]
    out.copy_(first.float() * shares[0] + second.float() * shares[1])


def distance(found: Any, expected: Any) -> float:
    """Return the relative error."""
    return float((found.float() - expected.float()).norm() / expected.float().norm())


def compiled() -> dict[str, Any]:
    """Return what the product with one token becomes on Ada, Hopper and consumer Blackwell."""
    from triton.backends.compiler import GPUTarget
    from triton.experimental.gluon._runtime import GluonASTSource

    from agents.engine.vllm.plugin import one_token

    found: dict[str, Any] = {}
    for capability in (89, 90, 120):
        for n, k in ((6_144, 2_560), (2_560, 4_096), (19_456, 2_560), (2_560, 9_728)):
            tiling = one_token.best_tiling(n, k)
            loaded = isinstance(tiling, one_token.Loaded)
            pointers = {"x_ptr": "*bf16", "weight_ptr": "*fp8e4nv", "scale_ptr": "*fp32", "y_ptr": "*bf16"}
            names = ("K", "ROWS", "WARPS", "PIECES" if loaded else "STAGES", "COLUMNS", "OVERLAP")
            values = (k, *tiling, one_token.COLUMNS, capability >= 90)
            source = GluonASTSource(
                fn=one_token._loaded if loaded else one_token._staged,
                signature=pointers | dict.fromkeys(names, "constexpr"),
                constexprs={(len(pointers) + place,): value for place, value in enumerate(values)},
                attrs={(place,): [["tt.divisibility", 16]] for place in range(len(pointers))},
            )
            kernel = triton.compile(
                source, target=GPUTarget("cuda", capability, 32), options={"num_warps": tiling.warps}
            )
            assembly = kernel.asm["ptx"]
            found[f"{n} x {k} on {capability}"] = {
                "reads_of_16_bytes": "v4.b32" in assembly or "cp.async.cg.shared.global" in assembly,
                "waits_for_the_kernel_ahead": "griddepcontrol.wait" in assembly,
                "spills": ".local" in assembly,
            }
    return found


class FlashInferWrapper:
    """What vLLM makes of FlashInfer's wrappers: nothing is planned or run."""

    def __init__(self, workspace: Any, layout: str, *_: Any, **__: Any) -> None:
        self._float_workspace_buffer, self._kv_layout, self.planned = workspace, layout, 0

    def plan(self, **_: Any) -> None:
        """Count what is left to FlashInfer."""
        self.planned += 1


def hooked() -> dict[str, Any]:
    """Return what our builder makes for a batch: with vLLM's own builder and backend below it."""
    without_a_gpu()
    from vllm.v1.attention.backends.registry import AttentionBackendEnum

    from agents.engine.vllm import plugin as vllm_plugin

    vllm_plugin.register_attention()
    backend = AttentionBackendEnum.FLASHINFER.get_class()
    # It asks a GPU how many multiprocessors it has.
    backend.get_builder_cls()._split_bytes = lambda _: 0
    builder = object.__new__(backend.get_builder_cls())
    for name, value in settings_of_a_builder().items():
        setattr(builder, name, value)
    wrapper = builder._get_prefill_wrapper()
    return {
        "backend": backend.__module__,
        "wrapper": type(wrapper).__name__,
        "same_again": builder._get_prefill_wrapper() is wrapper,
        "workspace_bytes": builder._get_workspace_buffer().numel(),
        "lengths_taken": lengths_taken(builder),
        "planned_in_stretches": [stretched(wrapper, tokens) for tokens in (1, 8, 191, 192, 4_096)],
    }


class Event:
    """What marks a place among the GPU's work; there is no GPU."""

    waits, marks = 0, 0

    def synchronize(self) -> None:
        """Count the wait."""
        Event.waits += 1

    def record(self) -> None:
        """Count the mark."""
        Event.marks += 1


def lengths_taken(builder: Any) -> dict[str, Any]:
    """Return for which batches the scheduler's lengths reach vLLM's own builder, and how often was waited."""
    from types import SimpleNamespace

    from agents.engine.vllm.plugin import attention

    torch.cuda.Event, torch.cuda.is_current_stream_capturing = Event, lambda: False
    attention.upstream.FlashInferMetadataBuilder.build = lambda _self, _prefix, batch: getattr(
        batch, "_seq_lens_cpu", "not asked for"
    )
    bound, known = torch.tensor([7, 9]), torch.tensor([6, 8])
    drafts, plain = SimpleNamespace(speculative_config=object()), builder.vllm_config
    found: dict[str, Any] = {}
    for name, config, batch in (
        ("not fetched", plain, {"_seq_lens_cpu": None, "seq_lens_cpu_upper_bound": bound}),
        ("fetched", plain, {"_seq_lens_cpu": known, "seq_lens_cpu_upper_bound": bound}),
        ("with drafts", drafts, {"_seq_lens_cpu": None, "seq_lens_cpu_upper_bound": bound}),
        ("without bounds", plain, {"_seq_lens_cpu": None, "seq_lens_cpu_upper_bound": None}),
        ("newer vLLM", plain, {"seq_lens_cpu_upper_bound": bound}),
    ):
        builder.vllm_config = config
        lengths = builder.build(0, SimpleNamespace(**batch))
        found[name] = lengths.tolist() if isinstance(lengths, torch.Tensor) else lengths
    return found | {"waits": Event.waits, "marks": Event.marks}


def settings_of_a_builder() -> dict[str, Any]:
    """Return what a builder knows of model and cache, by the names that vLLM gives it."""
    from types import SimpleNamespace

    from vllm.v1.kv_cache_layout import KVCacheLayout

    cache = SimpleNamespace(get_resolved_kv_cache_layout=lambda: KVCacheLayout.LBNHC)
    return {
        "cache_dtype": "fp8_e5m2", "use_dcp": False, "has_sinks": False, "is_kvcache_nvfp4": False,
        "nvfp4_trtllm": False, "cache_config": cache, "device": torch.device("cpu"), "page_size": 16,
        "num_kv_heads": 8, "num_qo_heads": 32, "head_dim": 128, "model_config": SimpleNamespace(dtype=torch.float16),
        "vllm_config": SimpleNamespace(speculative_config=None),
        "_prefill_wrapper": None, "_noncausal_prefill_wrapper": None, "_workspace_buffer": None,
    }  # fmt: skip


def stretched(wrapper: Any, *new: int) -> bool:
    """Whether a batch of requests with so many new tokens behind 1,000 others is planned in stretches."""
    starts = torch.tensor([0, *new], dtype=torch.int32).cumsum(0, dtype=torch.int32)
    pages = torch.arange(0, 63 * len(new) + 1, 63, dtype=torch.int32)
    before = wrapper.planned
    wrapper.plan(
        causal=True, window_left=-1, logits_soft_cap=None, q_data_type=torch.bfloat16, sm_scale=1.0, page_size=16,
        kv_data_type=torch.float8_e5m2, num_qo_heads=32, head_dim_qk=128, qo_indptr=starts, paged_kv_indptr=pages,
        paged_kv_last_page_len=torch.full((len(new),), 8), paged_kv_indices=torch.arange(63 * len(new)),
    )  # fmt: skip
    return wrapper.planned == before


def without_a_gpu() -> None:
    """Put stubs in the place of FlashInfer and FlashAttention: a CPU's vLLM has neither."""
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    class Stub(ModuleType):
        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (FlashInferWrapper,), {})

    for name in ("flashinfer", *(f"flashinfer.{part}" for part in ("decode", "prefill", "utils", "cascade"))):
        module = sys.modules[name] = Stub(name)
        module.__path__, module.__spec__ = [], ModuleSpec(name, None)
    sys.modules["flashinfer"].BatchPrefillWithPagedKVCacheWrapper = type("Prefill", (FlashInferWrapper,), {})
    import vllm.v1.attention.backends.fa_utils as fa_utils

    fa_utils.flash_attn_varlen_func = flash
    fa_utils.get_flash_attn_version = lambda: 2


class CountingTokenizer:
    """A tokenizer of vLLM's that notes how much it tokenizes."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer, self.characters = tokenizer, []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tokenizer, name)

    def __call__(self, text: str, **how: Any) -> Any:
        self.characters.append(len(text))
        return self.tokenizer(text, **how)


def tokenized() -> dict[str, Any]:
    """Return how much of texts with one beginning vLLM's own renderer tokenizes, and whether the tokens are right."""
    from agents.engine.vllm import plugin as vllm_plugin

    vllm_plugin.register()
    vllm_plugin.register()
    sys.path.insert(0, str(REPOSITORY))
    from vllm.renderers.hf import HfRenderer
    from vllm.renderers.params import TokenizeParams
    from vllm.tokenizers import get_tokenizer

    from agents.benchmark.checkpoints import sentences, write_tiny

    renderer = object.__new__(HfRenderer)
    renderer.tokenizer = CountingTokenizer(get_tokenizer(str(write_tiny(Path(os.environ["HOME"]) / "tiny"))))
    plain = renderer.tokenizer.tokenizer
    long, short = f"Too long. {sentences(400)}", [f"{sentences(300)} Question {number}?" for number in range(4)]
    most = len(plain.encode(long)) - 100
    params = TokenizeParams(max_total_tokens=most, max_output_tokens=0, add_special_tokens=False)
    texts = [long, long[: len(long) * 19 // 20], *short]
    made = [renderer._tokenize_prompt({"prompt": text}, params)["prompt_token_ids"] for text in texts]
    # Of what is too long vLLM keeps the end, and one token more than it accepts.
    expected = [plain.encode(text, add_special_tokens=False)[-most - 1 :] for text in texts]
    pairs = zip(made, expected, strict=True)
    return {"characters": renderer.tokenizer.characters, "as_before": [ours == theirs for ours, theirs in pairs]}


if __name__ == "__main__":
    checks = {"interpreted": interpreted, "compiled": compiled, "hooked": hooked, "tokenized": tokenized}
    sys.stdout.write(json.dumps(checks[sys.argv[1]]()))
