# pyright: basic, reportMissingImports=false, reportInvalidTypeForm=false, reportIndexIssue=false
# Lives in vLLM's environment: torch and triton are not in Readroom's own.
"""FP8 block weights times up to 16 tokens in 16 bits: decoding several answers, or one with drafts."""

from typing import NamedTuple

import torch
import triton
import triton.language as tl

from . import BLOCK

MAX_TOKENS = 16
"""Tokens of a tile: up to here the weights are the bottleneck."""


class Tiling(NamedTuple):
    """How the product is cut up."""

    rows: int
    """Rows of the weights that a program multiplies; divides BLOCK."""
    warps: int
    stages: int
    """Iterations whose loads are in flight at once."""
    splits: int
    """Programs that share the columns of the same rows; their partial sums are added up afterwards."""


def multiply(x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor, tiling: Tiling | None = None) -> torch.Tensor:
    """Return x times the transposed weights.

    Args:
        x: [tokens, K] in bf16 or fp16; 1 to MAX_TOKENS tokens.
        weight: [N, K] in E4M3.
        scale: [N / 128, K / 128] in float32.
        tiling: None takes `best_tiling`.
    """
    tokens, k = x.shape
    n = weight.shape[0]
    rows, warps, stages, splits = tiling or best_tiling(n, k)
    y = torch.empty((tokens, n), dtype=x.dtype, device=x.device)
    parts = torch.empty((splits, tokens, n), dtype=torch.float32, device=x.device) if splits > 1 else y
    _several_tokens[(n // rows, splits)](
        x.contiguous(), weight, scale, parts, tokens, n, k, MAX_TOKENS, rows, BLOCK, splits,
        num_warps=warps, num_stages=stages,
    )  # fmt: skip
    if splits > 1:
        _add_up[(triton.cdiv(y.numel(), 1_024),)](parts, y, y.numel(), splits, 1_024, num_warps=4)
    return y


def best_tiling(n: int, k: int) -> Tiling:
    """Return what was fastest on an H100 for weights of n rows and k columns."""
    enough_rows = n > 8_192
    return Tiling(32, 4, 3, 1 if enough_rows or k % (4 * BLOCK) else 4)


@triton.jit(do_not_specialize=["tokens"])
def _several_tokens(
    x_ptr, weight_ptr, scale_ptr, y_ptr, tokens,
    N: tl.constexpr, K: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
    SPLITS: tl.constexpr,
):  # fmt: skip
    """Up to BLOCK_M rows of `x`: each program multiplies them with BLOCK_N rows and its share of the columns."""
    rows = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    token = tl.arange(0, BLOCK_M)
    there = token[:, None] < tokens
    scale_row = scale_ptr + (tl.program_id(0) * BLOCK_N // 128) * (K // 128)
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    first = tl.program_id(1) * (K // SPLITS)
    for start in range(first, first + K // SPLITS, BLOCK_K):
        columns = start + tl.arange(0, BLOCK_K)
        weight = tl.load(weight_ptr + rows[:, None] * K + columns[None, :]).to(x_ptr.dtype.element_ty)
        x = tl.load(x_ptr + token[:, None] * K + columns[None, :], mask=there, other=0.0)
        total += tl.dot(x, tl.trans(weight)) * tl.load(scale_row + start // 128)
    y_ptr += tl.program_id(1) * tokens * N
    tl.store(y_ptr + token[:, None] * N + rows[None, :], total.to(y_ptr.dtype.element_ty), mask=there)


@triton.jit(do_not_specialize=["size"])
def _add_up(parts_ptr, y_ptr, size, SPLITS: tl.constexpr, BLOCK_SIZE: tl.constexpr):
    """Add up the partial sums of the programs that share rows."""
    place = tl.program_id(0) * BLOCK_SIZE + tl.arange(0, BLOCK_SIZE)
    there = place < size
    total = tl.load(parts_ptr + place, mask=there)
    for part in tl.static_range(1, SPLITS):
        total += tl.load(parts_ptr + part * size + place, mask=there)
    tl.store(y_ptr + place, total.to(y_ptr.dtype.element_ty), mask=there)
