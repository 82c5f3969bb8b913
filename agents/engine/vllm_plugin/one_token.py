# pyright: basic, reportMissingImports=false, reportInvalidTypeForm=false, reportIndexIssue=false
# Lives in vLLM's environment: torch and triton are not in Readroom's own.
"""FP8 block weights times one token: what decoding one answer does, and all of its time but for attention.

The time is that of reading the weights once. Each warp keeps several pieces of its rows under way from memory to its
own corner of shared memory, and multiplies what has come; nothing is exchanged between threads before the end. Where
the GPU can, the first pieces are on their way before the kernel that computes `x` has ended. Written in Gluon because
Triton's own layouts would move every piece once more, with four barriers for 4 KiB.
"""

from typing import NamedTuple

import torch
from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.ampere import async_copy
from triton.language.extra.cuda import gdc_wait

COLUMNS = 512
"""Of a piece: 16 for each thread of a warp."""


class Tiling(NamedTuple):
    """How the product is cut up."""

    rows: int
    """Rows of the weights that a warp sums up."""
    warps: int
    """Of a program."""
    stages: int
    """Pieces of a warp that are under way at once."""
    overlap: int
    """Whether a program begins before the kernel ahead of it has ended."""
    direct: int = 0


@gluon.jit
def _ring(
    x_ptr, weight_ptr, scale_ptr, y_ptr,
    K: gl.constexpr, ROWS: gl.constexpr, WARPS: gl.constexpr, STAGES: gl.constexpr, COLUMNS: gl.constexpr,
    OVERLAP: gl.constexpr,
):  # fmt: skip
    """One row of `x`: each program sums up ROWS * WARPS rows of the weights."""
    TURNS: gl.constexpr = K // COLUMNS
    BLOCK_N: gl.constexpr = ROWS * WARPS
    tile: gl.constexpr = gl.BlockedLayout([ROWS, 16], [1, 32], [WARPS, 1], [1, 0])
    plain: gl.constexpr = gl.SwizzledSharedLayout(vec=1, per_phase=1, max_phase=1, order=[1, 0])
    row = gl.program_id(0) * BLOCK_N + gl.arange(0, BLOCK_N, gl.SliceLayout(1, tile))
    column = gl.arange(0, COLUMNS, gl.SliceLayout(0, tile))
    scale_row = scale_ptr + (gl.program_id(0) * BLOCK_N // 128) * (K // 128)
    place = weight_ptr + row[:, None] * K + column[None, :]
    held = gl.allocate_shared_memory(gl.float8e4nv, [STAGES, BLOCK_N, COLUMNS], plain)
    for turn in gl.static_range(STAGES - 1):
        if turn < TURNS:
            async_copy.async_copy_global_to_shared(held.index(turn), place + turn * COLUMNS)
        async_copy.commit_group()
    if OVERLAP:
        gdc_wait()
    total = gl.zeros([BLOCK_N, COLUMNS], gl.float32, tile)
    x = gl.load(x_ptr + column)
    scale = gl.load(scale_row + column // 128)
    for turn in range(TURNS):
        following = turn + STAGES - 1
        if following < TURNS:
            async_copy.async_copy_global_to_shared(held.index(following % STAGES), place + following * COLUMNS)
        async_copy.commit_group()
        scaled = x.to(gl.float32) * scale
        if turn + 1 < TURNS:
            x = gl.load(x_ptr + (turn + 1) * COLUMNS + column)
            scale = gl.load(scale_row + ((turn + 1) * COLUMNS + column) // 128)
        async_copy.wait_group(STAGES - 1)
        weight = held.index(turn % STAGES).load(tile)
        total += weight.to(gl.float32) * scaled[None, :]
    gl.store(y_ptr + row, gl.sum(total, 1).to(y_ptr.dtype.element_ty))


@gluon.jit
def _direct(
    x_ptr, weight_ptr, scale_ptr, y_ptr,
    K: gl.constexpr, ROWS: gl.constexpr, WARPS: gl.constexpr, AHEAD: gl.constexpr, COLUMNS: gl.constexpr,
    OVERLAP: gl.constexpr,
):  # fmt: skip
    tile: gl.constexpr = gl.BlockedLayout([ROWS, 16], [1, 32], [WARPS, 1], [1, 0])
    BLOCK_N: gl.constexpr = ROWS * WARPS
    row = gl.program_id(0) * BLOCK_N + gl.arange(0, BLOCK_N, gl.SliceLayout(1, tile))
    column = gl.arange(0, COLUMNS, gl.SliceLayout(0, tile))
    scale_row = scale_ptr + (gl.program_id(0) * BLOCK_N // 128) * (K // 128)
    total = gl.zeros([BLOCK_N, COLUMNS], gl.float32, tile)
    place = weight_ptr + row[:, None] * K + column[None, :]
    if OVERLAP:
        gdc_wait()
    for start in range(0, K, COLUMNS * AHEAD):
        weights = ()
        for turn in gl.static_range(AHEAD):
            at = start + turn * COLUMNS
            if K % (COLUMNS * AHEAD) == 0:
                weights = weights + (gl.load(place + at),)
            else:
                weights = weights + (gl.load(place + at, mask=(at + column < K)[None, :], other=0.0),)
        for turn in gl.static_range(AHEAD):
            at = start + turn * COLUMNS
            if K % (COLUMNS * AHEAD) == 0:
                x = gl.load(x_ptr + at + column).to(gl.float32) * gl.load(scale_row + (at + column) // 128)
            else:
                there = at + column < K
                x = gl.load(x_ptr + at + column, mask=there, other=0.0).to(gl.float32)
                x *= gl.load(scale_row + (at + column) // 128, mask=there, other=0.0)
            total += weights[turn].to(gl.float32) * x[None, :]
    gl.store(y_ptr + row, gl.sum(total, 1).to(y_ptr.dtype.element_ty))


def multiply(x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor, tiling: Tiling | None = None) -> torch.Tensor:
    """Return x times the transposed weights.

    Args:
        x: [1, K] in bf16 or fp16.
        weight: [N, K] in E4M3.
        scale: [N / 128, K / 128] in float32.
        tiling: How the work is cut up; none: what `best_tiling` says.

    Raises:
        ValueError: The weights' columns are no whole pieces.
    """
    n, k = weight.shape
    if k % COLUMNS:
        raise ValueError(f"{k} columns are no multiple of {COLUMNS}")
    rows, warps, stages, overlap, direct = tiling or best_tiling(n, k)
    y = torch.empty((1, n), dtype=x.dtype, device=x.device)
    kernel = _direct if direct else _ring
    kernel[(n // (rows * warps),)](
        x.contiguous(), weight, scale, y, k, rows, warps, stages, COLUMNS, overlap,
        num_warps=warps, launch_pdl=bool(overlap),
    )  # fmt: skip
    return y


TUNED: dict[tuple[int, int], Tiling] = {}


def best_tiling(n: int, k: int) -> Tiling:
    """Return what was fastest on an H100 for weights of n rows and k columns."""
    return TUNED.get((n, k)) or Tiling(2, 4, 6, 0)
