# pyright: basic, reportMissingImports=false
# Lives in vLLM's environment: torch and vLLM are not in Readroom's own.
"""An attention backend of vLLM's for an E5M2 KV cache.

vLLM has one such backend, FlashInfer's. It is compiled on the user's machine, by a CUDA compiler that must be there,
for a minute; it upcasts E5M2 inside its kernel, again for every block of queries; and it plans each step on the host.
Here few new tokens are attended to over a split cache (split_cache.py), many in stretches of it (stretches.py), both
by kernels that Triton compiles in seconds or that vLLM brings; nothing is planned but which request is which.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from vllm.logger import init_logger
from vllm.v1.attention.backend import AttentionCGSupport, AttentionImpl, AttentionMetadataBuilder, AttentionType
from vllm.v1.attention.backends.fa_utils import flash_attn_varlen_func, get_flash_attn_version
from vllm.v1.attention.backends.triton_attn import TritonAttentionBackend
from vllm.v1.attention.ops.merge_attn_states import merge_attn_states

from . import TOLERANCE, split_cache, stretches

MIN_NEW_TOKENS = 192
"""With fewer new tokens the cache is read as it is. Behind 129,000 tokens on an H100, 128 took FlashInfer, which is as
fast as the split cache there, 24 ms more than 16 did, and stretches 47 ms; 512 took 140 and 54 ms."""
_PROBED = ((1, 700), (3, 40), (21, 300))
"""New tokens, and tokens, of the requests that the kernels are checked with before they are used."""
_logger = init_logger("vllm.readroom.attention")


class E5m2Backend(TritonAttentionBackend):
    """Attention over an E5M2 cache that is laid out as vLLM's own backend in Triton has it."""

    supported_dtypes = [torch.float16, torch.bfloat16]  # noqa: RUF012  as vLLM declares it
    supported_kv_cache_dtypes = ["fp8_e5m2"]  # noqa: RUF012
    forward_includes_kv_cache_update = False

    @staticmethod
    def get_name() -> str:
        """Return the name that vLLM keeps for backends from outside."""
        return "CUSTOM"

    @staticmethod
    def get_impl_cls() -> type["E5m2Attention"]:
        """Return the class that computes a layer."""
        return E5m2Attention

    @staticmethod
    def get_builder_cls() -> type["E5m2MetadataBuilder"]:
        """Return the class that says what a step has to compute."""
        return E5m2MetadataBuilder

    @classmethod
    def supports_head_size(cls, head_size: int) -> bool:
        """Whether heads of this size can be cut into threads, and FlashAttention takes them."""
        return head_size.bit_count() == 1 and 32 <= head_size <= 256

    @classmethod
    def no(cls) -> bool:
        """Return False: what vLLM's backend in Triton does, and this one does not."""
        return False

    supports_sink = supports_sliding_window = supports_non_causal = supports_mm_prefix = supports_alibi_sqrt = no
    supports_rswa = no
    # How the cache is split follows from the batch.
    supports_batch_invariance = no
    # The host's count of new tokens says which requests have many, and how much room few are given.
    supports_device_cpu_query_lens_mismatch = no

    @classmethod
    def supports_attn_type(cls, attn_type: str) -> bool:
        """Whether tokens attend to those before them."""
        return attn_type == AttentionType.DECODER


@dataclass(frozen=True)
class Few:
    """Requests that follow one another in a batch and have few new tokens each."""

    table: torch.Tensor
    """Their pages, [requests, pages]."""
    starts: torch.Tensor
    """Where the new tokens of each start in the batch, and the end."""
    lengths: torch.Tensor
    """The tokens of each, the new ones included."""
    most: int
    """New tokens of the one that has most."""


@dataclass(frozen=True)
class Step:
    """What a step has to compute."""

    few: tuple[Few, ...]
    many: tuple[stretches.Request, ...]


class E5m2MetadataBuilder(AttentionMetadataBuilder[Step]):
    """Tells requests with few new tokens from those with many.

    Raises:
        RuntimeError: The kernels do not compile or are wrong on this GPU, or the model's heads do not fit them.
    """

    _cudagraph_support = AttentionCGSupport.UNIFORM_BATCH

    def __init__(self, kv_cache_spec: Any, layer_names: list[str], vllm_config: Any, device: torch.device) -> None:
        super().__init__(kv_cache_spec, layer_names, vllm_config, device)
        model = vllm_config.model_config
        heads = model.get_num_attention_heads(vllm_config.parallel_config)
        kv_heads, size, page = kv_cache_spec.num_kv_heads, kv_cache_spec.head_size, kv_cache_spec.block_size
        try:
            check(device, heads, kv_heads, size, page, model.dtype)
            stretches.compile_for(device, kv_heads, size, page, model.dtype)
        except Exception as error:
            # Whatever an untested Triton or GPU comes up with, under the name by which the watchdog knows to try vLLM's
            # own attention; the log's first error is the one that is told.
            why = f"Readroom's attention backend cannot be used: {type(error).__name__}: {error}"
            raise RuntimeError(why) from None
        _logger.info("Readroom attends over an E5M2 cache with kernels of its own")

    def build(self, common_prefix_len: int, common_attn_metadata: Any, fast_build: bool = False) -> Step:
        """Return what the step has to compute."""
        batch = common_attn_metadata
        if batch.max_query_len < MIN_NEW_TOKENS:
            every = Few(batch.block_table_tensor, batch.query_start_loc, batch.seq_lens, batch.max_query_len)
            return Step((every,), ())
        table, starts = batch.block_table_tensor, batch.query_start_loc_cpu.tolist()
        lengths = _lengths_on_the_host(batch)
        few: list[Few] = []
        many: list[stretches.Request] = []
        for first, last, most in runs([end - start for start, end in pairwise(starts)]):
            if most < MIN_NEW_TOKENS:
                started, held = batch.query_start_loc[first : last + 1], batch.seq_lens[first:last]
                few.append(Few(table[first:last], started, held, most))
            else:
                many.append(stretches.lay_out(starts[first], starts[last], lengths[first], table[first]))
        return Step(tuple(few), tuple(many))


def runs(new: list[int]) -> Iterator[tuple[int, int, int]]:
    """Return where requests with few new tokens follow one another, and each one with many: first, last and most.

    A batch may be padded with requests that have none.
    """
    first = 0
    for at, count in enumerate([*new, MIN_NEW_TOKENS]):
        if count < MIN_NEW_TOKENS:
            continue
        if most := max(new[first:at], default=0):
            yield first, at, most
        if at < len(new):
            yield at, at + 1, count
        first = at + 1


def _lengths_on_the_host(batch: Any) -> list[int]:
    """Return the requests' lengths, which the scheduler knows exactly wherever a prompt is read."""
    known = batch.seq_lens_cpu_upper_bound
    return (batch.seq_lens if known is None else known).tolist()


class E5m2Attention(AttentionImpl[Step]):
    """One layer's attention: causal, over all tokens, with nothing added to the scores.

    Raises:
        NotImplementedError: The model wants another.
    """

    def __init__(
        self,
        num_heads: int,
        head_size: int,
        scale: float,
        num_kv_heads: int | None = None,
        alibi_slopes: list[float] | None = None,
        sliding_window: int | None = None,
        kv_cache_dtype: str = "fp8_e5m2",
        logits_soft_cap: float | None = None,
        *_: Any,
        sinks: torch.Tensor | None = None,
        **__: Any,
    ) -> None:
        if any(each is not None for each in (alibi_slopes, sliding_window, logits_soft_cap or None, sinks)):
            raise NotImplementedError("Readroom's attention backend has no slopes, windows, caps or sinks")
        self.num_heads, self.head_size, self.scale = num_heads, head_size, scale
        self.num_kv_heads = num_kv_heads or num_heads
        self.kv_cache_dtype = kv_cache_dtype
        flash = partial(flash_attn_varlen_func, fa_version=get_flash_attn_version(head_size=head_size))
        self._stretched = stretches.StretchedAttention(flash, merge_attn_states)

    def do_kv_cache_update(
        self, layer: Any, key: torch.Tensor, value: torch.Tensor, kv_cache: torch.Tensor, slot_mapping: torch.Tensor
    ) -> None:
        """Write new keys and values into the cache."""
        split_cache.store(key, value, *self._parts(kv_cache), slot_mapping)

    def forward(
        self,
        layer: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        kv_cache: torch.Tensor,
        attn_metadata: Step | None,
        output: torch.Tensor,
        *_: Any,
        **__: Any,
    ) -> torch.Tensor:
        """Write the attention of the new tokens into `output`, and return it."""
        if attn_metadata is None:
            # vLLM measures its memory.
            return output.fill_(0)
        keys, values = self._parts(kv_cache)
        for few in attn_metadata.few:
            split_cache.attend(
                query, keys, values, few.table, few.starts, few.lengths, self.scale, few.most, output
            )  # fmt: skip
        if attn_metadata.many:
            self._stretched.run(query, keys, values, attn_metadata.many, self.scale, output)
        return output

    def _parts(self, kv_cache: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return keys and values, [pages, slots, KV heads, size], of a cache with both beside each other."""
        keys, values = kv_cache.view(torch.float8_e5m2).transpose(1, 2).split(self.head_size, dim=-1)
        return keys, values


def check(device: torch.device, heads: int, kv_heads: int, size: int, page: int, dtype: torch.dtype) -> None:
    """Compile the kernels and compare them with plain torch, before a request meets them.

    Args:
        device: The GPU.
        heads: Of the queries.
        kv_heads: Of the cache.
        size: Of a head.
        page: Tokens of a page: for another size they would be compiled again, amid an answer.
        dtype: Of queries, keys and values.

    Raises:
        RuntimeError: They are wrong on this GPU, or the model's heads do not fit them.
    """
    if kv_heads.bit_count() != 1 or heads % kv_heads:
        raise RuntimeError(f"{heads} heads over {kv_heads} KV heads")
    for new, length in _PROBED:
        pages = -(-length // page)
        cache = torch.zeros((2 * pages, kv_heads, page, 2 * size), dtype=torch.float8_e5m2, device=device)
        keys, values = cache.transpose(1, 2).split(size, dim=-1)
        table = torch.randperm(2 * pages, device=device, dtype=torch.int32)[None, :pages]
        place = torch.arange(length, device=device)
        slots = table[0].long()[place // page] * page + place % page
        # Whole numbers so small are the same in E5M2.
        key, value = torch.randint(-3, 4, (2, length, kv_heads, size), device=device).to(dtype)
        split_cache.store(key, value, keys, values, slots)
        q = torch.randn(new, heads, size, device=device, dtype=dtype)
        starts, lengths = (torch.tensor(each, dtype=torch.int32, device=device) for each in ([0, new], [length]))
        out = torch.empty_like(q)
        split_cache.attend(q, keys, values, table, starts, lengths, size**-0.5, new, out)
        expected = reference(q, key, value, size**-0.5)
        error = float((out.float() - expected).norm() / expected.norm())
        if not error < TOLERANCE:
            raise RuntimeError(f"attention of {new} tokens over {length}: relative error {error:.3g}")


def reference(q: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float) -> torch.Tensor:
    """Return the attention of the last tokens over all, in float32: [tokens, heads, size]."""
    group = q.shape[1] // keys.shape[1]
    keys, values = (each.float().repeat_interleave(group, dim=1) for each in (keys, values))
    scores = torch.einsum("qhd,khd->hqk", q.float(), keys) * scale
    hidden = torch.ones(scores.shape[1:], dtype=torch.bool, device=q.device).triu(len(keys) - len(q) + 1)
    weights = scores.masked_fill(hidden, float("-inf")).softmax(-1)
    return torch.einsum("hqk,khd->qhd", weights, values)
