"""Time Readroom's kernels beside vLLM's on a GPU: few tokens times FP8 block weights, attention over an E5M2 cache.

    python -m benchmarks.gpu.kernels --out kernels.json
    python -m benchmarks.gpu.kernels --out tuned.json --parts linear --tune       # which tiling is the fastest
    python -m benchmarks.gpu.kernels --out layer.json --parts layer --contexts 1000 16000 130000 --tune

Every kernel is compared with a float32 reference before it is timed; times are medians of CUDA events over random
data, weights taken in turns from more than the L2 cache holds.
"""

import argparse
import contextlib
import itertools
import json
import math
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.gpu.unattended import describe, write_json

if TYPE_CHECKING:
    import torch
    from flashinfer import BatchPrefillWithPagedKVCacheWrapper

    from agents.engine.vllm.plugin.split_cache import Split

SHAPES = {"qkv": (6_144, 2_560), "o": (2_560, 4_096), "gate_up": (19_456, 2_560), "down": (2_560, 9_728)}
"""Qwen3-4B's weights, rows and columns."""
_SHARED_BYTES = 65_536
"""Of a program: with more, too few of them find room beside each other."""
HEADS, KV_HEADS, SIZE, PAGE = 32, 8, 128, 16
SCALE = SIZE**-0.5
_PARTS = ("prefill", "linear", "decode", "layer")
_LAYERS = 12
"""Whose weights take turns: 1.2 GB, of which none is left in the caches of the last round."""


def median_microseconds(run: Callable[[], Any], rounds: int = 30) -> float:
    """Return the median time of a call."""
    import torch

    for _ in range(3):
        run()
    times: list[float] = []
    for _ in range(rounds):
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        began.record()
        run()
        ended.record()
        torch.cuda.synchronize()
        times.append(began.elapsed_time(ended) * 1_000)
    return sorted(times)[rounds // 2]


def graphed(multiply: Callable[..., Any], sets: Sequence[Any]) -> float:
    """Return the microseconds of one call inside a CUDA graph that makes one with each set of weights."""
    import torch

    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for weight in sets:
            multiply(*weight)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for weight in sets:
            multiply(*weight)
    return median_microseconds(graph.replay) / len(sets)


def weights(n: int, k: int, copies: int) -> "list[tuple[torch.Tensor, torch.Tensor]]":
    """Return random weights and scales in the official block format."""
    import torch

    return [
        (
            torch.randn(n, k, device="cuda").to(torch.float8_e4m3fn),
            torch.rand(n // 128, k // 128, device="cuda") + 0.5,
        )
        for _ in range(copies)
    ]


def vllm_linear(x: "torch.Tensor", weight: "torch.Tensor", scale: "torch.Tensor") -> "torch.Tensor":
    """Multiply as vLLM does on Hopper without DeepGEMM: quantize the activations, then CUTLASS."""
    from vllm import _custom_ops as ops
    from vllm.model_executor.layers.quantization.utils.fp8_utils import per_token_group_quant_fp8

    quantized, scales = per_token_group_quant_fp8(x, 128, column_major_scales=True)
    return ops.cutlass_scaled_mm(quantized, weight.T, out_dtype=x.dtype, scale_a=scales, scale_b=scale.T)


def measure_linear(tokens: Sequence[int], tune: bool, workers: int) -> dict[str, Any]:
    """Time the products of one layer for so many tokens."""
    import torch

    from agents.engine.vllm.plugin.quantization import check

    found: dict[str, Any] = {}
    if tune:
        shapes = itertools.product(SHAPES.values(), tokens)
        jobs = [partial(multiply_once, n, k, count, way) for (n, k), count in shapes for way in tilings(count, k)]
        compile_all(jobs, workers)
    for name, (n, k) in SHAPES.items():
        # 60 MB of L2 at most: enough copies that none is left of the last round.
        copies = max(2, -(-200_000_000 // (n * k)))
        sets = weights(n, k, copies)
        for count in tokens:
            check(product(count), count, *sets[0], torch.bfloat16)
            x = torch.randn(count, k, device="cuda", dtype=torch.bfloat16)
            row: dict[str, Any] = {
                "vllm": graphed(partial(vllm_linear, x), sets),
                "readroom": graphed(partial(product(count), x), sets),
            }
            row["gb_per_second"] = n * k / row["readroom"] / 1_000
            if tune:
                row["tuned"] = tuned(x, sets)
            found[f"{name}, {count} tokens"] = row
            print(name, count, json.dumps(row), flush=True)
    return found


def product(tokens: int) -> Callable[..., Any]:
    """Return Readroom's kernel for so many tokens."""
    from agents.engine.vllm.plugin import one_token, several_tokens

    return one_token.multiply if tokens == 1 else several_tokens.multiply


def tilings(tokens: int, k: int) -> list[Any]:
    """Return the ways to cut the work up that are worth trying for weights of k columns."""
    from agents.engine.vllm.plugin import one_token, several_tokens

    if tokens > 1:
        several = (several_tokens.Tiling(*each) for each in itertools.product((32, 64), (4,), (3, 4), (1, 2, 4)))
        return [tiling for tiling in several if k // 128 % tiling.splits == 0]
    loaded = (one_token.Loaded(*each) for each in itertools.product((1, 2, 4), (2, 4), (1, 2, 4)))
    staged = (one_token.Staged(*each) for each in itertools.product((1, 2, 4), (1, 2, 4, 8), (3, 4, 6, 8)))
    return [*loaded, *(each for each in staged if math.prod(each) * one_token.COLUMNS <= _SHARED_BYTES)]


def compile_all(calls: Sequence[Callable[[], Any]], workers: int) -> None:
    """Compile what these calls need, several at once; Triton keeps it on disk."""
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for trouble in filter(None, pool.map(_trouble, calls, chunksize=4)):
            print(trouble, flush=True)


def _trouble(call: Callable[[], Any]) -> str:
    try:
        call()
    except Exception as error:
        return f"{call}: {error!r}"[:300]
    return ""


def multiply_once(n: int, k: int, tokens: int, tiling: object) -> None:
    """Multiply random numbers in this way."""
    import torch

    product(tokens)(torch.randn(tokens, k, device="cuda", dtype=torch.bfloat16), *weights(n, k, 1)[0], tiling)


def attend_once(split: "Split") -> None:
    """Attend with one random query in this way."""
    Decoded(1_000, 1, 1).ours(split)


def tuned(x: "torch.Tensor", sets: Sequence[Any]) -> dict[str, float]:
    """Return the fastest tilings and their microseconds."""
    multiply = product(len(x))
    timed: dict[str, float] = {}
    for tiling in tilings(*x.shape):
        with contextlib.suppress(Exception):
            timed[str(tiling)] = round(graphed(partial(multiply, x, tiling=tiling), sets), 2)
    return dict(sorted(timed.items(), key=lambda pair: pair[1])[:8])


def measure_prefill(contexts: Sequence[int], news: Sequence[int]) -> dict[str, Any]:
    """Time one layer's attention of new tokens behind a context in an E5M2 cache."""
    import torch
    from vllm.v1.attention.backends.fa_utils import flash_attn_varlen_func, get_flash_attn_version
    from vllm.v1.attention.ops.merge_attn_states import merge_attn_states

    from agents.engine.vllm.plugin.stretches import StretchedAttention, lay_out

    attention = StretchedAttention(
        partial(flash_attn_varlen_func, fa_version=get_flash_attn_version()), merge_attn_states
    )
    found: dict[str, Any] = {"flash_attention": get_flash_attn_version()}
    for context, new in itertools.product(contexts, news):
        batch = Batch(context, new)
        out = torch.empty_like(batch.q)
        request = lay_out(0, new, batch.tokens, batch.pages)
        ours = partial(attention.run, batch.q, batch.keys, batch.values, [request], SCALE, out)
        row = {"readroom": median_microseconds(ours, 10)}
        flashinfer = flashinfer_prefill(batch)
        expected = flashinfer()
        row["difference"] = float((out.float() - expected.float()).norm() / expected.float().norm())
        row["flashinfer"] = median_microseconds(flashinfer, 5)
        row["e4m3"] = median_microseconds(fp8_flash(batch), 10)
        found[f"{new} new behind {context}"] = row
        print(context, new, json.dumps(row), flush=True)
    return found


def measure_decode(contexts: Sequence[int], news: Sequence[int], requests: Sequence[int], tune: bool) -> dict[str, Any]:
    """Time one layer's attention of few new tokens of some requests, and writing them into the cache, in a CUDA graph.

    Every request has the same context. What is read comes from memory: as many caches take turns as exceed the GPU's.
    """
    found: dict[str, Any] = {}
    for context, new, count in itertools.product(contexts, news, requests):
        layers = [Decoded(context, new, count) for _ in range(max(2, -(-200_000_000 // Decoded.bytes(context, count))))]
        expected = layers[0].flashinfer()
        layers[0].ours()
        difference = (layers[0].out.float() - expected.float()).norm() / expected.float().norm()
        row: dict[str, Any] = {
            "readroom": graphed(lambda layer: (layer.store(), layer.ours()), [(each,) for each in layers]),
            "store": graphed(Decoded.store, [(each,) for each in layers]),
            "vllm": graphed(lambda layer: (layer.vllm_store(), layer.flashinfer()), [(each,) for each in layers]),
            "vllm_store": graphed(Decoded.vllm_store, [(each,) for each in layers]),
            "difference": float(difference),
        }
        if tune:
            row["tuned"] = tuned_splits(layers)
        found[f"{count} x {new} new behind {context}"] = row
        print(context, new, count, json.dumps(row), flush=True)
    return found


def tuned_splits(layers: "Sequence[Decoded]") -> dict[str, float]:
    """Return the fastest ways to split the work around the one that is taken, with their microseconds."""
    from agents.engine.vllm.plugin.split_cache import Split

    taken = layers[0].best_split()
    rows = {taken.rows, 64, 128} if taken.rows > 16 else {16}
    splits = {max(1, taken.splits // 2), taken.splits, taken.splits * 2}
    timed: dict[str, float] = {}
    for row, tokens, split, warps, stages in itertools.product(rows, (32, 64, 128), splits, (2, 4, 8), (2, 3, 4)):
        way = Split(row, tokens, split, warps, stages)
        with contextlib.suppress(Exception):
            attend = partial(Decoded.ours, split=way)
            timed[str(tuple(way))] = round(graphed(attend, [(each,) for each in layers]), 2)
    return dict(sorted(timed.items(), key=lambda pair: pair[1])[:12])


def measure_layer(contexts: Sequence[int], tune: bool, workers: int) -> dict[str, Any]:
    """Time a layer's attention of one token, and its writing, among the products whose weights pass through the caches.

    In a graph of its own it finds its code and its pages where it left them; between two layers of a model it does not.
    """
    found: dict[str, Any] = {}
    ways = splits_of_one_token() if tune else []
    compile_all([partial(attend_once, way) for way in ways], workers)
    for context in contexts:
        layers = [(Layer(context),) for _ in range(_LAYERS)]
        products = graphed(Layer.multiply, layers)
        row: dict[str, Any] = {
            "products": products,
            "attention": graphed(Layer.run, layers) - products,
            "attention_alone": graphed(Layer.attend, layers),
        }
        if tune:
            row["tuned"] = {}
            for way in ways:
                with contextlib.suppress(Exception):
                    row["tuned"][str(tuple(way))] = graphed(partial(Layer.run, split=way), layers) - products
        found[f"behind {context}"] = row
        print(context, json.dumps(row), flush=True)
    return found


def splits_of_one_token() -> "list[Split]":
    """Return the ways to split one token's attention that are worth trying around the one that is taken."""
    from agents.engine.vllm.plugin.split_cache import Split

    splits = Decoded(1_000, 1, 1).best_split().splits
    tried = itertools.product((32, 64, 128), (splits // 2, splits, splits * 2), (2, 4, 8), (2, 3))
    return [Split(16, *each) for each in tried]


class Layer:
    """One layer's products of a token, and its attention between the first and the others.

    Args:
        context: Tokens before the new one.
    """

    def __init__(self, context: int) -> None:
        import torch

        self.decoded = Decoded(context, 1, 1)
        self._products = [
            (torch.randn(1, k, device="cuda", dtype=torch.bfloat16), *weights(n, k, 1)[0]) for n, k in SHAPES.values()
        ]

    def multiply(self, which: slice = slice(None)) -> None:
        """Compute the products."""
        from agents.engine.vllm.plugin import one_token

        for product in self._products[which]:
            one_token.multiply(*product)

    def attend(self, split: "Split | None" = None) -> None:
        """Write the token into the cache, and attend."""
        self.decoded.store()
        self.decoded.ours(split)

    def run(self, split: "Split | None" = None) -> None:
        """Compute everything in its order."""
        self.multiply(slice(1))
        self.attend(split)
        self.multiply(slice(1, None))


class Decoded:
    """Some requests whose last tokens are new: their queries, keys and values, and an E5M2 cache.

    Args:
        context: Tokens of each before the new ones.
        new: New tokens of each.
        requests: How many.
    """

    def __init__(self, context: int, new: int, requests: int) -> None:
        import torch

        tokens = context + new
        pages = -(-tokens // PAGE)
        self.new, self.cache = (
            new,
            torch.zeros(requests * pages, KV_HEADS, PAGE, 2 * SIZE, dtype=torch.uint8, device="cuda"),
        )
        self.cache.random_(0, 120)
        keys, values = self.cache.view(torch.float8_e5m2).transpose(1, 2).split(SIZE, dim=-1)
        self.keys, self.values = keys, values
        self.table = torch.randperm(requests * pages, device="cuda", dtype=torch.int32).view(requests, pages)
        self.starts = torch.arange(0, requests * new + 1, new, device="cuda", dtype=torch.int32)
        self.lengths = torch.full((requests,), tokens, device="cuda", dtype=torch.int32)
        place = torch.arange(context, tokens, device="cuda")
        self.slots = (self.table[:, place // PAGE].long() * PAGE + place % PAGE).flatten()
        self.q = torch.randn(requests * new, HEADS, SIZE, device="cuda", dtype=torch.bfloat16)
        self.key, self.value = torch.randn(2, requests * new, KV_HEADS, SIZE, device="cuda", dtype=torch.bfloat16)
        self.out = torch.empty_like(self.q)
        self.one = torch.ones(1, device="cuda")

    @staticmethod
    def bytes(context: int, requests: int) -> int:
        """Return what a cache of so many tokens takes."""
        return requests * (context + PAGE) * KV_HEADS * 2 * SIZE

    def best_split(self) -> "Split":
        """Return how Readroom splits this."""
        from agents.engine.vllm.plugin.split_cache import best_split, multiprocessors

        programs = multiprocessors(self.q.device)
        return best_split(len(self.lengths), KV_HEADS, self.new * HEADS // KV_HEADS, SIZE, programs)

    def ours(self, split: "Split | None" = None) -> None:
        """Attend as Readroom does."""
        from agents.engine.vllm.plugin import split_cache

        split_cache.attend(
            self.q, self.keys, self.values, self.table, self.starts, self.lengths, SCALE, self.new, self.out, split
        )  # fmt: skip

    def store(self) -> None:
        """Write as Readroom does."""
        from agents.engine.vllm.plugin import split_cache

        split_cache.store(self.key, self.value, self.keys, self.values, self.slots)

    @cached_property
    def _wrapper(self) -> "BatchPrefillWithPagedKVCacheWrapper":
        """FlashInfer's attention, planned as vLLM plans it; it is compiled on its first use."""
        import torch
        from flashinfer import BatchPrefillWithPagedKVCacheWrapper

        wrapper = BatchPrefillWithPagedKVCacheWrapper(torch.zeros(128 << 20, dtype=torch.uint8, device="cuda"), "NHD")
        requests, pages = self.table.shape
        wrapper.plan(
            qo_indptr=self.starts.cpu(),
            paged_kv_indptr=torch.arange(0, requests * pages + 1, pages, dtype=torch.int32),
            paged_kv_indices=self.table.flatten(),
            paged_kv_last_page_len=self.lengths.cpu() - (pages - 1) * PAGE,
            num_qo_heads=HEADS, num_kv_heads=KV_HEADS, head_dim_qk=SIZE, page_size=PAGE, causal=True, sm_scale=SCALE,
            q_data_type=self.q.dtype, kv_data_type=torch.float8_e5m2, o_data_type=self.q.dtype,
        )  # fmt: skip
        return wrapper

    def flashinfer(self) -> "torch.Tensor":
        """Attend as vLLM has FlashInfer do it."""
        return self._wrapper.run(self.q, (self.keys, self.values))

    def vllm_store(self) -> None:
        """Write as vLLM does."""
        import torch
        from vllm import _custom_ops as ops

        keys, values = (each.view(torch.uint8) for each in (self.keys, self.values))
        ops.reshape_and_cache_flash(self.key, self.value, keys, values, self.slots, "fp8_e5m2", self.one, self.one)


class Batch:
    """One request: queries of its new tokens, and its pages of a random E5M2 cache.

    Args:
        context: Tokens before the new ones.
        new: New tokens.
    """

    def __init__(self, context: int, new: int) -> None:
        import torch

        self.tokens = context + new
        count = -(-self.tokens // PAGE)
        self.last_page = self.tokens - (count - 1) * PAGE
        cache = torch.randn(count, PAGE, KV_HEADS, 2 * SIZE, device="cuda").to(torch.float8_e5m2)
        self.keys, self.values = cache.split(SIZE, dim=-1)
        self.pages = torch.randperm(count, device="cuda", dtype=torch.int32)
        self.q = torch.randn(new, HEADS, SIZE, device="cuda", dtype=torch.bfloat16)


def flashinfer_prefill(batch: Batch) -> "Callable[[], torch.Tensor]":
    """Return FlashInfer's attention, planned as vLLM plans it."""
    import torch
    from flashinfer import BatchPrefillWithPagedKVCacheWrapper

    wrapper = BatchPrefillWithPagedKVCacheWrapper(torch.zeros(512 << 20, dtype=torch.uint8, device="cuda"), "NHD")
    wrapper.plan(
        qo_indptr=torch.tensor([0, len(batch.q)], dtype=torch.int32),
        paged_kv_indptr=torch.tensor([0, len(batch.pages)], dtype=torch.int32),
        paged_kv_indices=batch.pages,
        paged_kv_last_page_len=torch.tensor([batch.last_page], dtype=torch.int32),
        num_qo_heads=HEADS,
        num_kv_heads=KV_HEADS,
        head_dim_qk=SIZE,
        page_size=PAGE,
        causal=True,
        sm_scale=SCALE,
        q_data_type=batch.q.dtype,
        kv_data_type=torch.float8_e5m2,
        o_data_type=batch.q.dtype,
    )
    return partial(wrapper.run, batch.q, (batch.keys, batch.values))


def fp8_flash(batch: Batch) -> "Callable[[], torch.Tensor]":
    """Return what an E4M3 cache takes: FlashAttention over the pages themselves, with queries in FP8."""
    import torch
    from vllm.v1.attention.backends.fa_utils import flash_attn_varlen_func, get_flash_attn_version

    keys, values = (part.float().to(torch.float8_e4m3fn).contiguous() for part in (batch.keys, batch.values))
    one = torch.ones(1, KV_HEADS, device="cuda")
    starts, used = (
        torch.tensor(each, dtype=torch.int32, device="cuda") for each in ([0, len(batch.q)], [batch.tokens])
    )
    return partial(
        flash_attn_varlen_func, batch.q.to(torch.float8_e4m3fn), keys, values, len(batch.q), starts, batch.tokens,
        seqused_k=used, block_table=batch.pages[None], softmax_scale=SCALE, causal=True,
        q_descale=one, k_descale=one, v_descale=one, fa_version=get_flash_attn_version(), out=torch.empty_like(batch.q),
    )  # fmt: skip


def main() -> None:
    """Measure and write after each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")) / "kernels.json")
    parser.add_argument("--tokens", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--contexts", type=int, nargs="+", default=[0, 12_288, 126_976])
    parser.add_argument("--new", type=int, nargs="+", default=[4_096])
    parser.add_argument("--few", type=int, nargs="+", default=[1], help="new tokens of a request, for decode")
    parser.add_argument("--requests", type=int, nargs="+", default=[1, 8], help="for decode")
    parser.add_argument("--tune", action="store_true", help="also try other tilings")
    parser.add_argument("--workers", type=int, default=12, help="processes that compile what is tried")
    parser.add_argument("--parts", nargs="+", default=list(_PARTS), choices=_PARTS)
    asked = parser.parse_args()
    report: dict[str, Any] = {"what": "one layer of Qwen3-4B, microseconds", **describe()}
    parts = {
        "prefill": lambda: measure_prefill(asked.contexts, asked.new),
        "linear": lambda: measure_linear(asked.tokens, asked.tune, asked.workers),
        "decode": lambda: measure_decode(asked.contexts, asked.few, asked.requests, asked.tune),
        "layer": lambda: measure_layer(asked.contexts, asked.tune, asked.workers),
    }
    for name in asked.parts:
        try:
            report[name] = parts[name]()
        except Exception as error:
            report[name] = {"error": repr(error)[:2_000]}
            print(name, repr(error)[:2_000], flush=True)
        write_json(asked.out, report)


if __name__ == "__main__":
    main()
