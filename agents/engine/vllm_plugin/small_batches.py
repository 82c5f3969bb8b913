# pyright: basic, reportMissingImports=false, reportInvalidTypeForm=false, reportIndexIssue=false
# Lives in vLLM's environment: torch and triton are not in Readroom's own.
"""FP8 block weights times a few tokens in 16 bits: what decoding does.

vLLM quantizes the activations and multiplies in FP8, which pays for thousands of tokens. For a handful, the time is
that of reading the weights once, and of the kernels around it: reading them as they are and multiplying in 16 bits
needs one kernel instead of two, and rounds the activations less.
"""

from typing import NamedTuple

import torch
import triton
import triton.language as tl

MOST_TOKENS = 16
"""Tokens of a tile: up to here the weights are the bottleneck."""
FEW_TOKENS = 4
"""Up to here the tensor cores bring nothing: a tile of theirs would be mostly empty."""
BLOCK = 128
"""Rows and columns of a weight block with one scale, as in the official checkpoint."""
TOLERANCE = 0.01
"""Relative error that rounding to bf16 may make, with room to spare: it makes less than 0.004."""


class FewTiling(NamedTuple):
    """How the product with up to FEW_TOKENS tokens is cut up."""

    rows: int
    """Rows of the weights that a program sums up; divides BLOCK."""
    columns: int
    """Columns of a turn of its loop, a power of two that divides the weights' columns."""
    warps: int
    stages: int
    """Turns whose loads are under way at once."""
    unroll: int
    """Turns written out one after another."""


class SeveralTiling(NamedTuple):
    """How the product with up to MOST_TOKENS tokens is cut up."""

    rows: int
    """Rows of the weights that a program multiplies; divides BLOCK."""
    warps: int
    stages: int
    """Turns whose loads are under way at once."""
    splits: int
    """Programs that share the columns of the same rows; what they find is added up afterwards."""


@triton.jit
def _few_tokens(
    x_ptr, weight_ptr, scale_ptr, y_ptr, tokens,
    N: tl.constexpr, K: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
    STAGES: tl.constexpr, UNROLL: tl.constexpr,
):  # fmt: skip
    """Up to BLOCK_M rows of `x`: each program sums up BLOCK_N rows of the weights.

    The weights' scales go into `x`, which is short, and a row's columns are added up once, at the end: a turn of the
    loop does nothing but load, multiply and add.
    """
    rows = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    token = tl.arange(0, BLOCK_M)
    there = token < tokens
    scale_row = scale_ptr + (tl.program_id(0) * BLOCK_N // 128) * (K // 128)
    total = tl.zeros((BLOCK_M, BLOCK_N, BLOCK_K), dtype=tl.float32)
    for start in tl.range(0, K, BLOCK_K, num_stages=STAGES, loop_unroll_factor=UNROLL):
        columns = start + tl.arange(0, BLOCK_K)
        weight = tl.load(weight_ptr + rows[:, None] * K + columns[None, :]).to(tl.float32)
        x = tl.load(x_ptr + token[:, None] * K + columns[None, :], mask=there[:, None], other=0.0).to(tl.float32)
        x *= tl.load(scale_row + columns // 128)[None, :]
        total += weight[None, :, :] * x[:, None, :]
    y = tl.sum(total, axis=2)
    tl.store(y_ptr + token[:, None] * N + rows[None, :], y.to(y_ptr.dtype.element_ty), mask=there[:, None])


@triton.jit
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


@triton.jit
def _add_up(parts_ptr, y_ptr, size, SPLITS: tl.constexpr, BLOCK_SIZE: tl.constexpr):
    """Add up what the programs that share rows have found."""
    place = tl.program_id(0) * BLOCK_SIZE + tl.arange(0, BLOCK_SIZE)
    there = place < size
    total = tl.load(parts_ptr + place, mask=there)
    for part in tl.static_range(1, SPLITS):
        total += tl.load(parts_ptr + part * size + place, mask=there)
    tl.store(y_ptr + place, total.to(y_ptr.dtype.element_ty), mask=there)


def fits(weight: torch.Tensor, scale: torch.Tensor) -> bool:
    """Whether the weights lie as the official checkpoint has them: E4M3, rows by columns, a scale for 128 x 128."""
    return (
        weight.dtype == torch.float8_e4m3fn
        and weight.dim() == 2
        and weight.is_contiguous()
        and all(size % BLOCK == 0 for size in weight.shape)
        and scale.dtype == torch.float32
        and scale.is_contiguous()
        and tuple(scale.shape) == tuple(size // BLOCK for size in weight.shape)
    )


def worthwhile(tokens: int) -> bool:
    """Whether this is faster than vLLM's FP8 kernels for so many tokens."""
    return tokens <= MOST_TOKENS


def multiply(
    x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor, tiling: FewTiling | SeveralTiling | None = None
) -> torch.Tensor:
    """Return x times the transposed weights.

    Args:
        x: [tokens, K] in bf16 or fp16; 1 to MOST_TOKENS tokens.
        weight: [N, K] in E4M3.
        scale: [N / 128, K / 128] in float32.
        tiling: How the work is cut up; none: what `best_tiling` says.
    """
    tokens, k = x.shape
    n = weight.shape[0]
    x = x.contiguous()
    y = torch.empty((tokens, n), dtype=x.dtype, device=x.device)
    tiling = tiling or best_tiling(tokens, n, k)
    if isinstance(tiling, FewTiling):
        block_m = 1 << (tokens - 1).bit_length()
        _few_tokens[(n // tiling.rows,)](
            x, weight, scale, y, tokens, n, k, block_m, tiling.rows, tiling.columns, tiling.stages, tiling.unroll,
            num_warps=tiling.warps,
        )  # fmt: skip
        return y
    splits = tiling.splits
    parts = torch.empty((splits, tokens, n), dtype=torch.float32, device=x.device) if splits > 1 else y
    _several_tokens[(n // tiling.rows, splits)](
        x, weight, scale, parts, tokens, n, k, MOST_TOKENS, tiling.rows, BLOCK, splits,
        num_warps=tiling.warps, num_stages=tiling.stages,
    )  # fmt: skip
    if splits > 1:
        _add_up[(triton.cdiv(y.numel(), 1_024),)](parts, y, y.numel(), splits, 1_024, num_warps=4)
    return y


def best_tiling(tokens: int, n: int, k: int) -> FewTiling | SeveralTiling:
    """Return what was fastest on an H100 for weights of n rows and k columns."""
    if tokens <= FEW_TOKENS:
        return FewTiling(8, min(512, k & -k), 8, 1, 2)
    many_rows = n > 8_192
    return SeveralTiling(32, 4, 3 if many_rows else 5, 1)


def reference(x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return the same product in float32, from whole weights."""
    whole = scale.repeat_interleave(BLOCK, 0).repeat_interleave(BLOCK, 1) * weight.float()
    return x.float() @ whole.T


def check(weight: torch.Tensor, scale: torch.Tensor, dtype: torch.dtype) -> None:
    """Compare with the reference on some rows of these weights.

    Raises:
        RuntimeError: The kernel is wrong on this GPU.
    """
    for tokens in (1, 5):
        x = torch.randn(tokens, weight.shape[1], device=weight.device, dtype=dtype)
        y = multiply(x, weight, scale).float()
        for rows in (slice(None, BLOCK), slice(-BLOCK, None)):
            blocks = slice(None, 1) if rows.start is None else slice(-1, None)
            expected = reference(x, weight[rows], scale[blocks])
            error = float((y[:, rows] - expected).norm() / expected.norm().clamp(min=1e-30))
            if not error < TOLERANCE:
                raise RuntimeError(f"relative error {error:.3g} for {tokens} tokens")
