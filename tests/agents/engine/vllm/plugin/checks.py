"""Run what Readroom puts into vLLM in vLLM's own environment, without a GPU, and print what came out as JSON.

VLLM_PYTHON checks.py interpreted     # Triton's interpreter computes the kernels on the CPU
VLLM_PYTHON checks.py compiled        # Triton compiles what it cannot interpret, for GPUs that are not there
VLLM_PYTHON checks.py attended        # our attention backend as vLLM calls it
VLLM_PYTHON checks.py quantized       # how vLLM reads a checkpoint of 16 bits under our format's name
VLLM_PYTHON checks.py tokenized       # vLLM's own renderer with our memory of texts
VLLM_PYTHON checks.py inspected       # vLLM's look at a model's class
"""
# pyright: basic, reportMissingImports=false, reportPrivateUsage=false

import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

if sys.argv[1] != "compiled":
    os.environ["TRITON_INTERPRET"] = "1"
os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")
sys.path.insert(0, str(Path(__file__).parents[5]))

import torch
import triton

REPOSITORY = Path(__file__).parents[5]
HEADS, KV_HEADS, SIZE, PAGE = 4, 2, 16, 16
SHARED_BYTES = {89: 99 * 1_024, 90: 227 * 1_024, 120: 99 * 1_024}
"""Shared memory that a program may have, by compute capability: the table of the CUDA Programming Guide."""


def interpreted() -> dict[str, Any]:
    """Return how far each kernel is from plain torch: relative errors."""
    without_a_gpu()
    from agents.engine.vllm.plugin import quantization, several_tokens

    torch.manual_seed(1)
    found: dict[str, Any] = {"products": {}, "stretches": {}, "splits": {}}
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
        found["stretches"][f"{new} behind {context}"] = stretches_error(context, new)
    for splits in (1, 3, 8):
        for tokens in (16, 32):
            found["splits"][f"{splits}, {tokens} tokens at once"] = splits_error(splits, tokens)
    found["embeddings"] = embeddings_error()
    found["in_place_of_marlin"] = in_place_of_marlin()
    found["tied"] = tied()
    return found


def splits_error(splits: int, tokens: int) -> float:
    """Return how far attention over splits of the cache is from attention over all of it, for four requests."""
    from agents.engine.vllm.plugin import split_cache

    new, lengths = [3, 1, 7, 20], [100, 33, 7, 150]
    keys, values, table = cache_of(lengths)
    # A batch's queries may lie beside its keys and values.
    q = torch.randn(sum(new), HEADS * SIZE + 24, dtype=torch.float16)[:, : HEADS * SIZE].view(-1, HEADS, SIZE)
    starts = torch.tensor([0, *new], dtype=torch.int32).cumsum(0, dtype=torch.int32)
    out = torch.full((len(q), HEADS, SIZE), float("nan"), dtype=torch.float16)
    split = split_cache.Split(16, tokens, splits, 4, 2)
    split_cache.attend(
        q, keys, values, table, starts, torch.tensor(lengths, dtype=torch.int32), SIZE**-0.5, max(new), out, split
    )  # fmt: skip
    rows = zip(q.split(new), table, lengths, strict=True)
    return distance(out, torch.cat([whole(own, keys, values, pages, length) for own, pages, length in rows]))


def cache_of(lengths: list[int]) -> tuple[Any, Any, Any]:
    """Return keys and values of a cache in E5M2, and the pages of requests of these lengths.

    What lies behind a request's last token is no number: the memory of a cache may hold anything.
    """
    most = -(-max(lengths) // PAGE)
    table = torch.randperm(len(lengths) * most, dtype=torch.int32).view(len(lengths), most)
    # Whole numbers: the interpreter rounds E5M2's smallest ones off.
    numbers = torch.randint(-3, 4, (table.numel(), KV_HEADS, PAGE, 2 * SIZE)).half()
    behind = torch.arange(most * PAGE) >= torch.tensor(lengths)[:, None]
    numbers[table.long()] = numbers[table.long()].masked_fill(behind.view(*table.shape, 1, PAGE, 1), float("nan"))
    keys, values = numbers.to(torch.float8_e5m2).transpose(1, 2).split(SIZE, dim=-1)
    return keys, values, table


def embeddings_error() -> float:
    """Return how far embeddings that went through FP8 are from those of 16 bits."""
    from agents.engine.vllm.plugin import quantization

    weight = (torch.randn(13_056, 256) * torch.rand(13_056, 1)).half()
    ids = torch.tensor([[0, 5, 127], [128, 12_928, 13_055]])
    return distance(quantization.look_up(ids, *quantization.quantize(weight), torch.float16), weight[ids])


def in_place_of_marlin() -> str:
    """Return what multiplies many tokens where vLLM has chosen Marlin, and our kernels multiply few."""
    from types import SimpleNamespace

    from vllm.config import VllmConfig, set_current_vllm_config
    from vllm.model_executor.kernels.linear import FP8ScaledMMLinearLayerConfig
    from vllm.model_executor.layers.quantization.utils.quant_utils import GroupShape, create_fp8_quant_key

    from agents.engine.vllm.plugin import quantization

    config = FP8ScaledMMLinearLayerConfig(
        weight_quant_key=create_fp8_quant_key(static=True, group_shape=GroupShape(128, 128)),
        activation_quant_key=create_fp8_quant_key(static=False, group_shape=GroupShape(1, 128)),
        input_dtype=torch.bfloat16,
        out_dtype=torch.bfloat16,
        weight_shape=(128, 128),
    )
    method = object.__new__(quantization.FewTokensLinearMethod)
    method.use_marlin, method.fp8_linear = True, SimpleNamespace(config=config)
    with set_current_vllm_config(VllmConfig()):
        method.keep_layout()
    return "Marlin" if method.use_marlin else type(method.fp8_linear).__name__


def tied() -> bool:
    """Return whether the output layer of a model that ties it becomes the embeddings themselves."""
    from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead

    from agents.engine.vllm.plugin import quantization

    head, embeddings = object.__new__(ParallelLMHead), torch.nn.Module()
    torch.nn.Module.__init__(head)
    head.quant_method = object.__new__(quantization.Fp8EmbeddingMethod)
    return head.tie_weights(embeddings) is embeddings


def stretches_error(context: int, new: int) -> float:
    """Return how far attention in stretches of 64 is from attention over all at once, for two requests."""
    from agents.engine.vllm.plugin import stretches

    stretches.STRETCH_TOKENS = 64
    tokens = context + new
    keys, values, table = cache_of([tokens, tokens])
    q = torch.randn(2 * new, HEADS, SIZE, dtype=torch.float16)
    requests = [stretches.lay_out(at * new, (at + 1) * new, tokens, table[at]) for at in (0, 1)]
    out = stretches.StretchedAttention(flash, merge).run(
        q, keys, values, requests, SIZE**-0.5, torch.empty_like(q)
    )  # fmt: skip
    return distance(out, torch.cat([whole(q[at * new :][:new], keys, values, table[at], tokens) for at in (0, 1)]))


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
    """Return what the kernels for one token become on Ada, Hopper and consumer Blackwell."""
    from triton.compiler import ASTSource
    from triton.experimental.gluon._runtime import GluonASTSource

    from agents.engine.vllm.plugin import one_token, split_cache

    found: dict[str, Any] = {}
    for capability in SHARED_BYTES:
        overlap = capability >= 90
        for n, k in ((6_144, 2_560), (2_560, 4_096), (19_456, 2_560), (2_560, 9_728)):
            tiling = one_token.best_tiling(n, k)
            kernel = one_token._loaded if isinstance(tiling, one_token.Loaded) else one_token._staged
            pointers = {"x_ptr": "*bf16", "weight_ptr": "*fp8e4nv", "scale_ptr": "*fp32", "y_ptr": "*bf16"}
            constants = (k, *tiling, one_token.COLUMNS, overlap)
            source = source_of(GluonASTSource, kernel, pointers, constants)
            found[f"{n} x {k} on {capability}"] = compile_for(source, capability, tiling.warps, 1)
        for queries, size in itertools.product((4, 80), (128, 256)):
            split = split_cache.best_split(1, 8, queries, size, 132)
            pointers = {"q_ptr": "*bf16", "keys_ptr": "*fp8e5", "values_ptr": "*fp8e5", "table_ptr": "*i32"}
            pointers |= {"starts_ptr": "*i32", "lengths_ptr": "*i32", "parts_ptr": "*fp32", "sums_ptr": "*fp32"}
            numbers = (
                "blocks",
                "splits",
                "q_stride",
                "table_stride",
                "page_stride",
                "slot_stride",
                "head_stride",
            )
            arguments = pointers | {"scale": "fp32"} | dict.fromkeys(numbers, "i32")
            constants = (16, 32, 4, size, split.rows, split.tokens, overlap)
            source = source_of(ASTSource, split_cache._attend, arguments, constants)
            name = f"{queries} queries of {size} on {capability}"
            found[name] = compile_for(source, capability, split.warps, split.stages)
    return found


def source_of(kind: Any, kernel: Any, arguments: dict[str, str], constants: tuple[Any, ...]) -> Any:
    """Return a kernel to be compiled for these types and constants; pointers and strides are multiples of 16."""
    names = kernel.arg_names
    aligned = [
        at for at, name in enumerate(names) if arguments.get(name, "").startswith("*") or name.endswith("stride")
    ]
    return kind(
        fn=kernel,
        signature={name: arguments.get(name, "constexpr") for name in names},
        constexprs={(len(arguments) + at,): value for at, value in enumerate(constants)},
        attrs={(at,): [["tt.divisibility", 16]] for at in aligned},
    )


def compile_for(source: Any, capability: int, warps: int, stages: int) -> dict[str, bool]:
    """Compile, and return what matters of the assembly."""
    from triton.backends.compiler import GPUTarget

    target, options = GPUTarget("cuda", capability, 32), {"num_warps": warps, "num_stages": stages}
    kernel = triton.compile(source, target=target, options=options)
    assembly = kernel.asm["ptx"]
    return {
        "fits": kernel.metadata.shared <= SHARED_BYTES[capability],
        "reads_of_16_bytes": "v4.b32" in assembly or "cp.async.cg.shared.global" in assembly,
        "waits_for_the_kernel_ahead": "griddepcontrol.wait" in assembly,
        "spills": ".local" in assembly,
    }


def attended() -> dict[str, Any]:
    """Return what our backend does with vLLM's batches, its kernels interpreted."""
    without_a_gpu()
    from types import SimpleNamespace

    from vllm.v1.attention.backend import CommonAttentionMetadata
    from vllm.v1.attention.backends.registry import AttentionBackendEnum

    from agents.engine.vllm import plugin as vllm_plugin

    vllm_plugin.register_attention()
    backend = AttentionBackendEnum.CUSTOM.get_class()
    attention = sys.modules[backend.__module__]
    attention.MIN_NEW_TOKENS = 32
    model = SimpleNamespace(dtype=torch.float16, get_num_attention_heads=lambda _: HEADS)
    config = SimpleNamespace(model_config=model, parallel_config=None)
    cache = SimpleNamespace(num_kv_heads=KV_HEADS, head_size=SIZE, block_size=PAGE)
    builder = backend.get_builder_cls()(cache, ["layer"], config, torch.device("cpu"))
    layer = object.__new__(backend.get_impl_cls())
    layer.__init__(HEADS, SIZE, SIZE**-0.5, KV_HEADS)
    layer._stretched = attention.stretches.StretchedAttention(flash, merge)
    found: dict[str, Any] = {"backend": backend.__module__, "steps": {}, "errors": {}, "refused": []}
    for name, value in (("alibi_slopes", [0.5]), ("sliding_window", 64), ("logits_soft_cap", 30.0)):
        try:
            backend.get_impl_cls()(HEADS, SIZE, SIZE**-0.5, KV_HEADS, **{name: value})
        except NotImplementedError as error:
            found["refused"].append(str(error))
    # No power of two.
    cache.num_kv_heads = 3
    try:
        backend.get_builder_cls()(cache, ["layer"], config, torch.device("cpu"))
    except RuntimeError as error:
        found["refused"].append(str(error))
    for name, new in (("decoding", [1, 1]), ("mixed", [1, 40, 2, 3, 33]), ("padded", [2, 50, 0, 0])):
        lengths = [count + 21 * at for at, count in enumerate(new)]
        keys, values, table = cache_of(lengths)
        kv_cache = torch.zeros(len(keys), KV_HEADS, PAGE, 2 * SIZE, dtype=torch.uint8)
        starts = torch.tensor([0, *new], dtype=torch.int32).cumsum(0, dtype=torch.int32)
        held = torch.tensor(lengths, dtype=torch.int32)
        tokens = torch.arange(max(lengths))
        slots = table.long()[:, tokens // PAGE] * PAGE + tokens % PAGE
        written = [slots[at, : lengths[at]] for at in range(len(new))]
        for own in written:
            at = own // PAGE, own % PAGE
            layer.do_kv_cache_update(None, keys[at].half(), values[at].half(), kv_cache, own)
        batch = CommonAttentionMetadata(
            query_start_loc=starts, query_start_loc_cpu=starts, seq_lens=held, num_reqs=len(new),
            num_actual_tokens=sum(new), max_query_len=max(new), max_seq_len=max(lengths), block_table_tensor=table,
            slot_mapping=torch.cat(written), seq_lens_cpu_upper_bound=held,
        )  # fmt: skip
        step = builder.build(0, batch)
        q = torch.randn(sum(new), HEADS, SIZE, dtype=torch.float16)
        out = layer.forward(None, q, None, None, kv_cache, step, torch.empty_like(q))
        rows = zip(q.split(new), table, lengths, strict=True)
        expected = torch.cat([whole(own, keys, values, pages, length) for own, pages, length in rows])
        found["steps"][name] = [len(few.lengths) for few in step.few], len(step.many)
        found["errors"][name] = distance(out, expected)
    return found


def quantized() -> dict[str, Any]:
    """Return whether weights of 16 bits are quantized while they are loaded."""
    from vllm.config.load import LoadConfig
    from vllm.engine.arg_utils import EngineArgs
    from vllm.model_executor.layers.quantization.online.base import OnlineQuantizationConfig
    from vllm.model_executor.model_loader.weight_utils import get_quant_config

    from agents.benchmark.checkpoints import write_tiny
    from agents.engine.vllm import plugin as vllm_plugin

    vllm_plugin.register()
    tiny = write_tiny(Path(os.environ["HOME"]) / "tiny")
    model = EngineArgs(model=str(tiny), quantization=vllm_plugin.QUANTIZATION).create_model_config()
    return {"online": isinstance(get_quant_config(model, LoadConfig()), OnlineQuantizationConfig)}


def without_a_gpu() -> None:
    """Put stubs in the place of FlashAttention, which a CPU's vLLM does not have."""
    import vllm.v1.attention.backends.fa_utils as fa_utils

    fa_utils.flash_attn_varlen_func = flash
    fa_utils.get_flash_attn_version = lambda **_: 2


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


def inspected() -> dict[str, Any]:
    """Return what vLLM finds out about Qwen3's class, and whether this process has imported it for that."""
    from agents.engine.vllm.plugin.inspection import register_inspection

    register_inspection()
    register_inspection()
    from vllm.model_executor.models.registry import ModelRegistry

    found = ModelRegistry.models["Qwen3ForCausalLM"].inspect_model_cls()
    return {
        "architecture": found.architecture,
        "generates": found.is_text_generation_model,
        "imported": "vllm.model_executor.models.qwen3" in sys.modules,
    }


if __name__ == "__main__":
    parts = (interpreted, compiled, attended, quantized, tokenized, inspected)
    checks = {part.__name__: part for part in parts}
    sys.stdout.write(json.dumps(checks[sys.argv[1]]()))
