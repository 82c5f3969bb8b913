# pyright: basic, reportMissingImports=false, reportInvalidTypeForm=false, reportIndexIssue=false
# pyright: reportAttributeAccessIssue=false
# Lives in vLLM's environment: torch and triton are not in Readroom's own.
"""Attention of few new tokens over an E5M2 KV cache, which is split among programs, and writing into that cache.

One answer that is decoded has as many queries as the model has heads, too few to fill a GPU: so the cache is cut into
splits, each attended to by a program of its own, and the results are merged by their log-sum-exp (Flash-Decoding).

E5M2 is the upper half of fp16, so keys and values are widened to that without loss, and multiplied in it.
"""

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

from . import OVERLAPS_FROM

LARGEST = tl.constexpr(57_344.0)
"""Of E5M2: what is larger would become infinite."""
MAX_SPLITS = 64
_LOG2_E = 1.4426950408889634
_LOWEST = tl.constexpr(-1e30)
"""Where a running maximum starts: minus infinity has no difference from itself."""


class Split(NamedTuple):
    """How the work is cut up."""

    rows: int
    """Queries of a program: heads that share a KV head, times new tokens. A power of two, at least 16."""
    tokens: int
    """Of the cache that a program takes at once. A power of two, at least 16."""
    splits: int
    """Programs that share the cache of the same queries. A power of two; for more than MAX_SPLITS the merge is compiled
    anew."""
    warps: int
    stages: int
    """Iterations whose loads are in flight at once."""


def attend(
    q: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    table: torch.Tensor,
    starts: torch.Tensor,
    lengths: torch.Tensor,
    scale: float,
    most: int,
    out: torch.Tensor,
    split: Split | None = None,
) -> None:
    """Write the causal attention of some requests' new tokens, which are in the cache already, into `out`.

    Args:
        q: The batch's queries, [tokens, heads, size], each token's numbers in a row.
        keys: The cache's keys in E5M2, [pages, slots, KV heads, size] with any strides but a last one of 1.
        values: Its values, with the same strides.
        table: The requests' pages, [requests, pages].
        starts: Where each request's new tokens start in the batch, and the end: one more than requests.
        lengths: Each request's tokens, the new ones included.
        scale: The softmax's.
        most: New tokens of the request that has most.
        out: As `q`.
        split: None takes `best_split`.
    """
    requests = len(lengths)
    _, heads, size = q.shape
    _, page, kv_heads, _ = keys.shape
    group = heads // kv_heads
    split = split or best_split(requests, kv_heads, group * most, size, multiprocessors(q.device))
    blocks = triton.cdiv(group * most, split.rows)
    overlap = overlaps(q.device)
    # A row for each new token: not for as many of each request as the one with most has.
    rows = min(len(q), requests * most)
    parts = torch.empty((rows, heads, split.splits, size), dtype=torch.float32, device=q.device)
    sums = torch.empty((rows, heads, split.splits), dtype=torch.float32, device=q.device)
    _attend[(requests * blocks, kv_heads, split.splits)](
        q, keys, values, table, starts, lengths, parts, sums,
        scale * _LOG2_E, blocks, split.splits, q.stride(0), table.stride(0), *keys.stride()[:3],
        page, heads, group, size, split.rows, split.tokens, overlap,
        num_warps=split.warps, num_stages=split.stages, launch_pdl=overlap,
    )  # fmt: skip
    _merge[(requests * most, heads)](
        parts, sums, starts, out, most, split.splits, heads, size, max(MAX_SPLITS, split.splits), overlap,
        num_warps=4, launch_pdl=overlap,
    )  # fmt: skip


def best_split(requests: int, kv_heads: int, queries: int, size: int, programs: int) -> Split:
    """Return what was fastest on an H100, found by `python -m benchmarks.gpu.kernels --parts decode layer --tune`.

    Among a layer's products one new token takes 16, 25 and 110 microseconds so, behind 1,000, 16,000 and 130,000. With
    64 tokens of the cache at once it takes 13, 25 and 126: one answer is decoded 3 % faster behind 1,000 and 8 % slower
    behind 130,000, eight answers 3 % faster and 27 % slower (benchmarks/results/attention_ways_h100.json).

    Args:
        requests: Of the call.
        kv_heads: Of a layer.
        queries: Of a KV head, over the new tokens of one request.
        size: Of a head.
        programs: That the GPU has room for at once: its multiprocessors.
    """
    few = queries <= 16
    rows = 16 if few else 64
    wanted = (4 if few else 2) * programs // (requests * kv_heads * triton.cdiv(queries, rows))
    splits = min(MAX_SPLITS, 1 << max(0, wanted.bit_length() - 1))
    # With heads of 256, 128 tokens take 112 KiB of shared memory; Ada and consumer Blackwell have 99.
    tokens = 128 if size <= 128 else 64
    return Split(rows, tokens, splits, 2, 2) if few else Split(rows, tokens, splits, 4, 3)


def store(
    key: torch.Tensor, value: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, slots: torch.Tensor
) -> None:
    """Write new keys and values into the cache.

    Args:
        key: [tokens, KV heads, size], each token's numbers in a row.
        value: Likewise.
        keys: The cache's keys in E5M2, [pages, slots, KV heads, size].
        values: Its values, with the same strides.
        slots: The place of each token, counted over all pages; a negative one is left out.
    """
    _, heads, size = key.shape
    overlap = overlaps(key.device)
    _store[(len(slots),)](
        key, value, keys, values, slots, key.stride(0), value.stride(0), *keys.stride()[:3],
        keys.shape[1], heads, size, overlap, num_warps=4, launch_pdl=overlap,
    )  # fmt: skip


def overlaps(device: torch.device) -> bool:
    """Whether a kernel may begin before the one ahead of it has ended."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= OVERLAPS_FROM


def multiprocessors(device: torch.device) -> int:
    """Return how many a GPU has; 1 without one."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1


# For numbers of 1, multiples of 16 and tensors that start elsewhere Triton would compile anew, amid an answer.
@triton.jit(
    do_not_specialize=["scale", "blocks", "splits", "table_stride"],
    do_not_specialize_on_alignment=["table_ptr", "starts_ptr", "lengths_ptr"],
)
def _attend(
    q_ptr, keys_ptr, values_ptr, table_ptr, starts_ptr, lengths_ptr, parts_ptr, sums_ptr,
    scale, blocks, splits, q_stride, table_stride, page_stride, slot_stride, head_stride,
    PAGE: tl.constexpr, HEADS: tl.constexpr, GROUP: tl.constexpr, SIZE: tl.constexpr,
    ROWS: tl.constexpr, TOKENS: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    """Attend to one split of one request's cache with ROWS queries of one KV head."""
    request, block = tl.program_id(0) // blocks, tl.program_id(0) % blocks
    kv_head, split = tl.program_id(1), tl.program_id(2)
    first = tl.load(starts_ptr + request)
    new = tl.load(starts_ptr + request + 1) - first
    length = tl.load(lengths_ptr + request)
    row = block * ROWS + tl.arange(0, ROWS)
    token, head = row // GROUP, kv_head * GROUP + row % GROUP
    there = token < new
    # The last token of these queries sees most; another request may have more new tokens, and so more blocks.
    end = tl.where(block * ROWS < new * GROUP, length - new + tl.minimum(new, ((block + 1) * ROWS - 1) // GROUP + 1), 0)
    if OVERLAP:
        gdc_launch_dependents()
        gdc_wait()
    own, column = (first + token).to(tl.int64) * q_stride + head * SIZE, tl.arange(0, SIZE)
    q = tl.load(q_ptr + own[:, None] + column[None, :], mask=there[:, None], other=0.0)
    q = (q.to(tl.float32) * scale).to(tl.float16)
    pages_ptr, last = table_ptr + request * table_stride, length - new + token
    result, logarithm = _attend_to_split(
        q, keys_ptr, values_ptr, pages_ptr, last, end, split, splits,
        page_stride, slot_stride, kv_head * head_stride, PAGE, SIZE, ROWS, TOKENS,
    )  # fmt: skip
    part = ((first - tl.load(starts_ptr) + token).to(tl.int64) * HEADS + head) * splits + split
    tl.store(parts_ptr + part[:, None] * SIZE + column[None, :], result, there[:, None])
    tl.store(sums_ptr + part, logarithm, there)


@triton.jit
def _attend_to_split(
    q, keys_ptr, values_ptr, pages_ptr, last, end, split, splits, page_stride, slot_stride, head_offset,
    PAGE: tl.constexpr, SIZE: tl.constexpr, ROWS: tl.constexpr, TOKENS: tl.constexpr,
):  # fmt: skip
    """Return the attention of queries to the split, and its log-sum-exp to the base of 2.

    `last` is the last token that each query sees, `end` the first that none does.
    """
    chunk = tl.cdiv(tl.cdiv(end, splits), TOKENS) * TOKENS
    low = split * chunk
    high = tl.minimum(low + chunk, end)
    column = tl.arange(0, SIZE)
    highest = tl.full([ROWS], _LOWEST, tl.float32)
    total = tl.zeros([ROWS], tl.float32)
    result = tl.zeros([ROWS, SIZE], tl.float32)
    for start in range(low, high, TOKENS):
        seen = start + tl.arange(0, TOKENS)
        inside = seen < high
        page = tl.load(pages_ptr + seen // PAGE, mask=inside, other=0).to(tl.int64)
        at = page * page_stride + (seen % PAGE) * slot_stride + head_offset
        keys = tl.load(keys_ptr + at[None, :] + column[:, None], mask=inside[None, :], other=0.0).to(tl.float16)
        values = tl.load(values_ptr + at[:, None] + column[None, :], mask=inside[:, None], other=0.0).to(tl.float16)
        visible = (seen[None, :] <= last[:, None]) & inside[None, :]
        scores = tl.where(visible, tl.dot(q, keys), float("-inf"))
        above = tl.maximum(highest, tl.max(scores, 1))
        weights = tl.exp2(scores - above[:, None])
        faded = tl.exp2(highest - above)
        total = total * faded + tl.sum(weights, 1)
        result = tl.dot(weights.to(tl.float16), values, result * faded[:, None])
        highest = above
    logarithm = tl.where(total > 0.0, highest + tl.log2(total), float("-inf"))
    return result / tl.where(total > 0.0, total, 1.0)[:, None], logarithm


@triton.jit(do_not_specialize=["most", "splits"], do_not_specialize_on_alignment=["starts_ptr"])
def _merge(
    parts_ptr, sums_ptr, starts_ptr, out_ptr, most, splits,
    HEADS: tl.constexpr, SIZE: tl.constexpr, MAX_SPLITS: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    """Merge what the splits found for one head of one new token."""
    request, token, head = tl.program_id(0) // most, tl.program_id(0) % most, tl.program_id(1)
    first = tl.load(starts_ptr + request)
    there = token < tl.load(starts_ptr + request + 1) - first
    if OVERLAP:
        gdc_launch_dependents()
        gdc_wait()
    if there:
        column = tl.arange(0, SIZE)
        split = tl.arange(0, MAX_SPLITS)
        part = ((first - tl.load(starts_ptr) + token).to(tl.int64) * HEADS + head) * splits + split
        sums = tl.load(sums_ptr + part, mask=split < splits, other=float("-inf"))
        weights = tl.exp2(sums - tl.maximum(tl.max(sums, 0), _LOWEST))
        results = tl.load(parts_ptr + part[:, None] * SIZE + column[None, :], mask=(split < splits)[:, None], other=0.0)
        total = tl.sum(weights, 0)
        merged = tl.sum(results * weights[:, None], 0) / tl.where(total > 0.0, total, 1.0)
        place = (first + token).to(tl.int64) * HEADS + head
        tl.store(out_ptr + place * SIZE + column, merged.to(out_ptr.dtype.element_ty))


@triton.jit(do_not_specialize_on_alignment=["slots_ptr"])
def _store(
    key_ptr, value_ptr, keys_ptr, values_ptr, slots_ptr,
    key_stride, value_stride, page_stride, slot_stride, head_stride,
    PAGE: tl.constexpr, HEADS: tl.constexpr, SIZE: tl.constexpr, OVERLAP: tl.constexpr,
):  # fmt: skip
    """Write one token's keys and values."""
    token = tl.program_id(0).to(tl.int64)
    slot = tl.load(slots_ptr + token)
    if OVERLAP:
        gdc_launch_dependents()
        gdc_wait()
    if slot >= 0:
        head, column = tl.arange(0, HEADS)[:, None], tl.arange(0, SIZE)[None, :]
        at = (slot // PAGE) * page_stride + (slot % PAGE) * slot_stride + head * head_stride + column
        numbers = tl.load(key_ptr + token * key_stride + head * SIZE + column).to(tl.float32)
        tl.store(keys_ptr + at, tl.clamp(numbers, -LARGEST, LARGEST).to(keys_ptr.dtype.element_ty))
        numbers = tl.load(value_ptr + token * value_stride + head * SIZE + column).to(tl.float32)
        tl.store(values_ptr + at, tl.clamp(numbers, -LARGEST, LARGEST).to(values_ptr.dtype.element_ty))
