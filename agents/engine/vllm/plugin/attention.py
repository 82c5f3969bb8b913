# pyright: basic, reportMissingImports=false, reportInvalidTypeForm=false, reportIndexIssue=false
# pyright: reportAttributeAccessIssue=false
# Lives in vLLM's environment: torch, triton, vLLM and FlashInfer are not in Readroom's own.
"""Attention of new tokens over an E5M2 KV cache: stretches of it upcast to 16 bits, for FlashAttention.

FlashInfer upcasts E5M2 inside its attention kernel, again for every block of queries, and on a Hopper GPU only in its
older kernel. Upcasting a stretch of the cache once, into a small buffer, leaves the attention itself to
FlashAttention at its 16-bit speed. The results of the stretches are merged by their log-sum-exp (section 2.2 of
https://arxiv.org/abs/2501.01005).

Decoding stays FlashInfer's; so does every case that `StretchedPrefill` does not support. But vLLM's FlashInfer backend
asks the GPU how long the requests are, in every step, and so waits until it is idle: the lengths are known without.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
import triton
import triton.language as tl
from flashinfer import BatchPrefillWithPagedKVCacheWrapper
from vllm import envs
from vllm.logger import init_logger
from vllm.v1.attention.backends import flashinfer as upstream
from vllm.v1.attention.backends.fa_utils import flash_attn_varlen_func, get_flash_attn_version
from vllm.v1.attention.ops.merge_attn_states import merge_attn_states

STRETCH_TOKENS = 16_384
"""Tokens upcast at once: 64 MiB for 8 KV heads of 128, keys and values."""
UPCAST_TOKENS = 8
"""Tokens of one program that upcasts: of eight heads of 128, each of its threads takes 64 numbers."""
MIN_NEW_TOKENS = 192
"""With fewer new tokens FlashInfer reads the cache as it is. Behind 129,000 tokens on an H100, 128 took it 24 ms more
than 16 did and stretches 47 ms; 512 took 140 and 54 ms."""
_TILE_TOKENS = 128
"""The most queries of one tile of FlashInfer's prefill."""
_logger = init_logger("vllm.readroom.attention")


class E5m2Backend(upstream.FlashInferBackend):
    """vLLM's FlashInfer backend with our metadata builder."""

    @staticmethod
    def get_builder_cls() -> type[upstream.FlashInferMetadataBuilder]:
        """Return the class that plans the batches."""
        return E5m2MetadataBuilder


class E5m2MetadataBuilder(upstream.FlashInferMetadataBuilder):
    """Plans new tokens in stretches, and a step while the GPU still computes the last one."""

    _copied: torch.cuda.Event | None = None
    """Recorded when the last plan has been copied from the host's buffers."""

    def build(self, common_prefix_len: int, common_attn_metadata: Any, *positional: Any, **more: Any) -> Any:
        """Return the plan of a step; the requests' lengths are taken from the scheduler where it knows them."""
        if torch.cuda.is_current_stream_capturing():
            return super().build(common_prefix_len, common_attn_metadata, *positional, **more)
        if self._knows_lengths(common_attn_metadata):
            lengths = common_attn_metadata.seq_lens_cpu_upper_bound
            common_attn_metadata._seq_lens_cpu = lengths  # noqa: SLF001  vLLM keeps there what it has fetched
        copied = self._copied = self._copied or torch.cuda.Event()
        # Without vLLM's wait, a plan would be written over one that the GPU has yet to copy.
        copied.synchronize()
        plan = super().build(common_prefix_len, common_attn_metadata, *positional, **more)
        copied.record()
        return plan

    def _knows_lengths(self, batch: Any) -> bool:
        """Whether vLLM would fetch what the scheduler's upper bounds say just as well."""
        fetched = not hasattr(batch, "_seq_lens_cpu") or batch._seq_lens_cpu is not None  # noqa: SLF001
        # Drafts may be turned down, and only the GPU knows how many were; and a rank of several keeps only its share.
        exact = self.vllm_config.speculative_config is None and not self.use_dcp
        return not fetched and exact and batch.seq_lens_cpu_upper_bound is not None

    def _get_prefill_wrapper(self, causal: bool = True, **more: Any) -> Any:
        wrapper = super()._get_prefill_wrapper(causal, **more)
        replaced = causal and type(wrapper) is BatchPrefillWithPagedKVCacheWrapper
        if not replaced or not self._stretches():
            return wrapper
        self._prefill_wrapper = StretchedPrefill(self._get_workspace_buffer(), wrapper._kv_layout)  # noqa: SLF001
        flash = partial(flash_attn_varlen_func, fa_version=get_flash_attn_version())
        self._prefill_wrapper.attention = StretchedAttention(flash, merge_attn_states)
        compile_for(self.device, self.num_kv_heads, self.head_dim, self.page_size, self.model_config.dtype)
        _logger.info("Readroom attends to new tokens in stretches")
        return self._prefill_wrapper

    def _stretches(self) -> bool:
        """Whether the KV cache can be upcast in stretches."""
        return (
            self.cache_dtype == "fp8_e5m2"
            and not (self.use_dcp or self.has_sinks)
            and self.num_kv_heads.bit_count() == self.head_dim.bit_count() == 1
        )

    def _get_workspace_buffer(self) -> torch.Tensor:
        # vLLM sizes it for FlashInfer's prefill of a whole batch, which is not run here.
        if self._workspace_buffer is None and self._stretches():
            size = max(envs.VLLM_FLASHINFER_WORKSPACE_BUFFER_SIZE, self._split_bytes())
            self._workspace_buffer = torch.zeros(size, dtype=torch.uint8, device=self.device)
        return super()._get_workspace_buffer()

    def _split_bytes(self) -> int:
        """Return the bytes FlashInfer needs at most to merge a prefill that it has split over the GPU.

        From its scheduler.cuh: two programs for each multiprocessor, shared by the KV heads, each with a tile of
        results and their log-sum-exps in float32 for every head; and one tile to spare.
        """
        programs = 2 * torch.cuda.get_device_properties(self.device).multi_processor_count
        tiles = programs // self.num_kv_heads + 1
        return self.num_qo_heads * tiles * _TILE_TOKENS * (self.head_dim + 1) * 4


class StretchedPrefill(BatchPrefillWithPagedKVCacheWrapper):
    """Attention of new tokens, planned once for a batch and run in every layer."""

    attention: "StretchedAttention"

    def plan(self, **asked: Any) -> None:
        """Cut the batch into stretches; leave what is not plain causal attention in 16 bits to FlashInfer."""
        self._requests = None
        plain = asked["causal"] and asked["window_left"] < 0 and not asked["logits_soft_cap"]
        wide = asked["q_data_type"].itemsize == 2 and asked["kv_data_type"] == torch.float8_e5m2
        several = int(asked["qo_indptr"].diff().max()) >= MIN_NEW_TOKENS
        if not (plain and wide and several):
            super().plan(**asked)
            return
        # vLLM asserts these before it runs a plan.
        self._causal, self._window_left, self._logits_soft_cap = True, asked["window_left"], 0.0
        self._sm_scale = asked["sm_scale"]
        self._requests = lay_out(
            asked["qo_indptr"].tolist(),
            asked["paged_kv_indptr"].tolist(),
            asked["paged_kv_last_page_len"].tolist(),
            asked["paged_kv_indices"],
            asked["page_size"],
        )

    def run(self, q: torch.Tensor, paged_kv_cache: Any, *positional: Any, **asked: Any) -> Any:
        """Attend to the stretches, or as FlashInfer does."""
        if self._requests is None:
            return super().run(q, paged_kv_cache, *positional, **asked)
        keys, values = paged_kv_cache
        if self._kv_layout == "HND":
            keys, values = keys.transpose(1, 2), values.transpose(1, 2)
        return self.attention.run(q, keys, values, self._requests, self._sm_scale, asked["out"])


@dataclass(frozen=True)
class Stretch:
    """Tokens of one request that are upcast and attended to at once; the last stretch ends with the new ones."""

    first: int
    last: int
    causal: bool
    starts: torch.Tensor
    """Where its keys start and end, [0, last - first], as FlashAttention wants them."""


@dataclass(frozen=True)
class Request:
    """One request's new tokens, from `first` to `last` in the batch, and the stretches that they attend to."""

    first: int
    last: int
    pages: torch.Tensor
    starts: torch.Tensor
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True)
class StretchedAttention:
    """Attention over stretches.

    Args:
        flash: vLLM's `flash_attn_varlen_func`, bound to a version.
        merge: vLLM's `merge_attn_states`.
    """

    flash: Callable[..., Any]
    merge: Callable[..., None]

    def run(
        self,
        q: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        requests: Sequence[Request],
        scale: float,
        out: torch.Tensor,
    ) -> torch.Tensor:
        """Write the attention of every request's new tokens over all of its tokens into `out`.

        Args:
            q: Queries of the new tokens of all requests, [tokens, heads, size].
            keys: The cache's keys in E5M2, [pages, slots, KV heads, size].
            values: Its values, likewise.
            requests: From `lay_out`.
            scale: The softmax's scale.
            out: As `q`.
        """
        for request in requests:
            self._one(q[request.first : request.last], keys, values, request, scale, out[request.first : request.last])
        return out

    def _one(
        self,
        q: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        request: Request,
        scale: float,
        out: torch.Tensor,
    ) -> None:
        done: tuple[torch.Tensor, torch.Tensor] | None = None
        for stretch in request.stretches:
            count = stretch.last - stretch.first
            upcasted = [upcast(cache, request.pages, stretch.first, count, q.dtype) for cache in (keys, values)]
            only = len(request.stretches) == 1
            part, lse = self.flash(
                q, *upcasted, len(q), request.starts, count, stretch.starts,
                softmax_scale=scale, causal=stretch.causal, return_softmax_lse=True, out=out if only else None,
            )  # fmt: skip
            if done is None:
                done = (part, lse)
                continue
            merged = out if stretch.causal else torch.empty_like(part)
            merged_lse = torch.empty_like(lse)
            self.merge(merged, done[0], done[1], part, lse, merged_lse)
            done = (merged, merged_lse)


def lay_out(
    query_starts: Sequence[int], page_starts: Sequence[int], last_page: Sequence[int], pages: torch.Tensor, page: int
) -> tuple[Request, ...]:
    """Cut every request of a batch into stretches.

    Args:
        query_starts: Where each request's new tokens start in the batch, and the end: one more than requests.
        page_starts: Where each request's pages start in `pages`, and the end.
        last_page: Tokens on each request's last page.
        pages: The pages of all requests.
        page: Tokens of a page.
    """
    requests: list[Request] = []
    for number, tail in enumerate(last_page):
        first, last = query_starts[number], query_starts[number + 1]
        own = pages[page_starts[number] : page_starts[number + 1]]
        tokens = (len(own) - 1) * page + tail
        # The last stretch is causal and must hold every new token, so it may be longer than the others.
        whole = (tokens - (last - first)) // STRETCH_TOKENS * STRETCH_TOKENS
        bounds = [*range(0, whole, STRETCH_TOKENS), whole, tokens]
        stretches = tuple(
            Stretch(start, end, end == tokens, _starts(end - start, pages.device)) for start, end in pairwise(bounds)
        )
        requests.append(Request(first, last, own, _starts(last - first, pages.device), stretches))
    return tuple(requests)


def _starts(count: int, device: torch.device) -> torch.Tensor:
    return torch.tensor([0, count], dtype=torch.int32).to(device, non_blocking=True)


def upcast(cache: torch.Tensor, pages: torch.Tensor, first: int, count: int, dtype: torch.dtype) -> torch.Tensor:
    """Return `count` tokens of one request from `first` on, in 16 bits: [count, heads, size].

    Args:
        cache: Keys or values in E5M2, [pages, slots, heads, size] with any strides but a last one of 1.
        pages: The request's pages, in order.
        first: The first token to copy.
        count: How many.
        dtype: What to upcast them to.
    """
    _, slots, heads, size = cache.shape
    out = torch.empty((count, heads, size), dtype=dtype, device=cache.device)
    _upcast[(triton.cdiv(count, UPCAST_TOKENS),)](
        cache, pages, out, first, count, cache.stride(0), cache.stride(1), cache.stride(2),
        slots, heads, size, UPCAST_TOKENS, num_warps=4,
    )  # fmt: skip
    return out


@triton.jit(do_not_specialize=["first_token", "count"], do_not_specialize_on_alignment=["pages_ptr"])
def _upcast(
    cache_ptr, pages_ptr, out_ptr, first_token, count, stride_page, stride_slot, stride_head,
    PAGE: tl.constexpr, HEADS: tl.constexpr, SIZE: tl.constexpr, TOKENS: tl.constexpr,
):  # fmt: skip
    """Copy the heads of TOKENS tokens from their pages into the buffer, as 16-bit numbers."""
    row = tl.program_id(0) * TOKENS * HEADS + tl.arange(0, TOKENS * HEADS)
    target, head = row // HEADS, row % HEADS
    there = target < count
    token = first_token + target
    page = tl.load(pages_ptr + token // PAGE, mask=there, other=0).to(tl.int64)
    column = tl.arange(0, SIZE)[None, :]
    start = page * stride_page + (token % PAGE) * stride_slot + head * stride_head
    values = tl.load(cache_ptr + start[:, None] + column, mask=there[:, None], other=0.0)
    place = out_ptr + row.to(tl.int64)[:, None] * SIZE + column
    tl.store(place, values.to(out_ptr.dtype.element_ty), mask=there[:, None])


def compile_for(device: torch.device, heads: int, size: int, page: int, dtype: torch.dtype) -> None:
    """Compile the kernel before a request has to wait for it.

    Args:
        device: The GPU.
        heads: KV heads.
        size: Of a head.
        page: Tokens of a page.
        dtype: What is upcast to.
    """
    cache = torch.zeros((1, page, heads, 2 * size), dtype=torch.float8_e5m2, device=device)
    upcast(cache[..., :size], torch.zeros(1, dtype=torch.int32, device=device), 0, page, dtype)
