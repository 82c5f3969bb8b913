# pyright: basic, reportMissingImports=false, reportInvalidTypeForm=false, reportIndexIssue=false
# pyright: reportAttributeAccessIssue=false
# Lives in vLLM's environment: torch and triton are not in Readroom's own.
"""Attention of many new tokens over an E5M2 KV cache: stretches of it upcast to 16 bits, for FlashAttention.

Upcasting a stretch of the cache once, into a small buffer, leaves the attention itself to FlashAttention at its 16-bit
speed; a kernel that upcasts what it reads does so again for every block of queries. The results of the stretches are
merged by their log-sum-exp (section 2.2 of https://arxiv.org/abs/2501.01005).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import triton
import triton.language as tl

STRETCH_TOKENS = 16_384
"""Tokens upcast at once: 64 MiB for 8 KV heads of 128, keys and values."""
UPCAST_TOKENS = 8
"""Tokens of one program that upcasts: of eight heads of 128, each of its threads takes 64 numbers."""


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
            only = len(request.stretches) == 1
            # Given no name: while the next stretch is upcast, nothing holds this one's memory.
            part, lse = self.flash(
                q, *(upcast(cache, request.pages, stretch.first, count, q.dtype) for cache in (keys, values)),
                len(q), request.starts, count, stretch.starts,
                softmax_scale=scale, causal=stretch.causal, return_softmax_lse=True, out=out if only else None,
            )  # fmt: skip
            if done is None:
                done = (part, lse)
                continue
            merged = out if stretch.causal else torch.empty_like(part)
            merged_lse = torch.empty_like(lse)
            self.merge(merged, done[0], done[1], part, lse, merged_lse)
            done = (merged, merged_lse)


def lay_out(first: int, last: int, tokens: int, pages: torch.Tensor) -> Request:
    """Cut one request of a batch into stretches.

    Args:
        first: Where its new tokens start in the batch.
        last: Where they end.
        tokens: All of its tokens, the new ones included.
        pages: Its pages, in order; what follows them is not read.
    """
    new = last - first
    # The last stretch is causal and must hold every new token, so it may be longer than the others.
    whole = (tokens - new) // STRETCH_TOKENS * STRETCH_TOKENS
    bounds = [*range(0, whole, STRETCH_TOKENS), whole, tokens]
    stretches = tuple(
        Stretch(start, end, end == tokens, _starts(end - start, pages.device)) for start, end in pairwise(bounds)
    )
    return Request(first, last, pages, _starts(new, pages.device), stretches)


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
