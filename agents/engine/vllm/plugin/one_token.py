# pyright: basic, reportMissingImports=false, reportInvalidTypeForm=false, reportIndexIssue=false
# pyright: reportAttributeAccessIssue=false
# ruff: noqa: N806, RUF005  Triton's compiler wants constants in its own form, and knows no starred tuples.
# Lives in vLLM's environment: torch and triton are not in Readroom's own.
"""FP8 block weights times one token: what decoding one answer does, and most of its time.

The time is that of reading the weights once, so all is done to keep reads under way: a thread reads 16 weights at
once, of rows that are its warp's alone, and nothing is exchanged between threads before the end. In Triton itself
every piece would be laid out anew, with four barriers for 4 KiB, which is why this is written in Gluon. On a GPU that
knows how, a program begins before the kernel that computes `x` has ended, and waits for it only where `x` is read.
"""

from typing import NamedTuple

import torch
from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.ampere import async_copy
from triton.language.extra.cuda import gdc_wait

from . import OVERLAPS_FROM

MAX_TOKENS = 1
COLUMNS = 512
"""Of a piece: 16 for each thread of a warp."""
_fetch = getattr(async_copy, "async_load", None) or async_copy.async_copy_global_to_shared
"""Its name since Triton 3.9, and before."""


class Loaded(NamedTuple):
    """The weights go straight to registers: for as many rows as fill the GPU with warps."""

    rows: int
    """Rows of the weights that a warp sums up."""
    warps: int
    """Of a program; with `rows` it divides 128."""
    pieces: int
    """Pieces that a warp asks for before it multiplies the first."""


class Staged(NamedTuple):
    """The weights go through shared memory: for few rows, where each warp must have more under way."""

    rows: int
    """Rows of the weights that a warp sums up."""
    warps: int
    """Of a program; with `rows` it divides 128."""
    stages: int
    """Pieces of a warp that are under way at once."""


@gluon.jit
def _places(weight_ptr, scale_ptr, K: gl.constexpr, BLOCK_N: gl.constexpr, COLUMNS: gl.constexpr, tile: gl.constexpr):
    """Return a program's rows, a piece's columns, its first piece of the weights, and the scales of its rows."""
    row = gl.program_id(0) * BLOCK_N + gl.arange(0, BLOCK_N, gl.SliceLayout(1, tile))
    column = gl.arange(0, COLUMNS, gl.SliceLayout(0, tile))
    scale_row = scale_ptr + (gl.program_id(0) * BLOCK_N // 128) * (K // 128)
    return row, column, weight_ptr + row[:, None] * K + column[None, :], scale_row


@gluon.jit
def _loaded(
    x_ptr, weight_ptr, scale_ptr, y_ptr,
    K: gl.constexpr, ROWS: gl.constexpr, WARPS: gl.constexpr, PIECES: gl.constexpr, COLUMNS: gl.constexpr,
    OVERLAP: gl.constexpr,
):  # fmt: skip
    """Sum up ROWS * WARPS rows of the weights, PIECES at a time."""
    BLOCK_N: gl.constexpr = ROWS * WARPS
    WHOLE: gl.constexpr = K % (COLUMNS * PIECES) == 0
    tile: gl.constexpr = gl.BlockedLayout([ROWS, 16], [1, 32], [WARPS, 1], [1, 0])
    row, column, place, scale_row = _places(weight_ptr, scale_ptr, K, BLOCK_N, COLUMNS, tile)
    total = gl.zeros([BLOCK_N, COLUMNS], gl.float32, tile)
    if OVERLAP:
        gdc_wait()
    for start in range(0, K, COLUMNS * PIECES):
        weights = ()
        for piece in gl.static_range(PIECES):
            at = start + piece * COLUMNS
            if WHOLE:
                weights = weights + (gl.load(place + at),)
            else:
                weights = weights + (gl.load(place + at, mask=(at + column < K)[None, :], other=0.0),)
        for piece in gl.static_range(PIECES):
            at = start + piece * COLUMNS
            if WHOLE:
                x = gl.load(x_ptr + at + column).to(gl.float32) * gl.load(scale_row + (at + column) // 128)
            else:
                there = at + column < K
                x = gl.load(x_ptr + at + column, mask=there, other=0.0).to(gl.float32)
                x *= gl.load(scale_row + (at + column) // 128, mask=there, other=0.0)
            total += weights[piece].to(gl.float32) * x[None, :]
    gl.store(y_ptr + row, gl.sum(total, 1).to(y_ptr.dtype.element_ty))


@gluon.jit
def _staged(
    x_ptr, weight_ptr, scale_ptr, y_ptr,
    K: gl.constexpr, ROWS: gl.constexpr, WARPS: gl.constexpr, STAGES: gl.constexpr, COLUMNS: gl.constexpr,
    OVERLAP: gl.constexpr,
):  # fmt: skip
    """Sum up ROWS * WARPS rows of the weights, STAGES - 1 pieces on their way while one is multiplied."""
    TURNS: gl.constexpr = K // COLUMNS
    BLOCK_N: gl.constexpr = ROWS * WARPS
    tile: gl.constexpr = gl.BlockedLayout([ROWS, 16], [1, 32], [WARPS, 1], [1, 0])
    plain: gl.constexpr = gl.SwizzledSharedLayout(vec=1, per_phase=1, max_phase=1, order=[1, 0])
    row, column, place, scale_row = _places(weight_ptr, scale_ptr, K, BLOCK_N, COLUMNS, tile)
    held = gl.allocate_shared_memory(gl.float8e4nv, [STAGES, BLOCK_N, COLUMNS], plain)
    for turn in gl.static_range(STAGES - 1):
        if turn < TURNS:
            _fetch(held.index(turn), place + turn * COLUMNS)
        async_copy.commit_group()
    if OVERLAP:
        gdc_wait()
    total = gl.zeros([BLOCK_N, COLUMNS], gl.float32, tile)
    x = gl.load(x_ptr + column)
    scale = gl.load(scale_row + column // 128)
    for turn in range(TURNS):
        following = turn + STAGES - 1
        if following < TURNS:
            _fetch(held.index(following % STAGES), place + following * COLUMNS)
        async_copy.commit_group()
        scaled = x.to(gl.float32) * scale
        if turn + 1 < TURNS:
            x = gl.load(x_ptr + (turn + 1) * COLUMNS + column)
            scale = gl.load(scale_row + ((turn + 1) * COLUMNS + column) // 128)
        async_copy.wait_group(STAGES - 1)
        weight = held.index(turn % STAGES).load(tile)
        total += weight.to(gl.float32) * scaled[None, :]
    gl.store(y_ptr + row, gl.sum(total, 1).to(y_ptr.dtype.element_ty))


def multiply(
    x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor, tiling: Loaded | Staged | None = None
) -> torch.Tensor:
    """Return x times the transposed weights.

    Args:
        x: [1, K] in bf16 or fp16.
        weight: [N, K] in E4M3.
        scale: [N / 128, K / 128] in float32.
        tiling: None takes `best_tiling`.

    Raises:
        ValueError: The weights' columns are no whole pieces.
    """
    n, k = weight.shape
    if k % COLUMNS:
        raise ValueError(f"{k} columns are no multiple of {COLUMNS}")
    tiling = tiling or best_tiling(n, k)
    overlap = torch.cuda.get_device_capability(x.device) >= OVERLAPS_FROM
    y = torch.empty((1, n), dtype=x.dtype, device=x.device)
    kernel = _loaded if isinstance(tiling, Loaded) else _staged
    kernel[(n // (tiling.rows * tiling.warps),)](
        x.contiguous(), weight, scale, y, k, *tiling, COLUMNS, overlap, num_warps=tiling.warps, launch_pdl=overlap
    )  # fmt: skip
    return y


def best_tiling(n: int, k: int) -> Loaded | Staged:
    """Return what was fastest on an H100 for the four shapes of Qwen3-4B, and so for others like them.

    Found by `python -m benchmarks.gpu.kernels --parts linear --tokens 1 --tune`.

    Args:
        n: Rows of the weights.
        k: Their columns.
    """
    if n > 8_192:
        return Loaded(2, 2, 2)
    if n > 4_096:
        return Loaded(2, 4, 1)
    return Staged(1, 1, 4) if k > 8_192 else Staged(2, 1, 3)
