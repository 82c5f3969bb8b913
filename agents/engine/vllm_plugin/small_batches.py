# pyright: basic, reportMissingImports=false, reportInvalidTypeForm=false, reportIndexIssue=false
# Lives in vLLM's environment: torch and triton are not in Readroom's own.
"""FP8 block weights times a few tokens in 16 bits: what decoding does.

vLLM quantizes the activations and multiplies in FP8, which pays for thousands of tokens. For a handful, the time is
that of reading the weights once, and of the kernels around it: reading them as they are and multiplying in 16 bits
needs one kernel instead of two, and rounds the activations less.
"""

import torch
import triton
import triton.language as tl

MOST_TOKENS = 16
"""Tokens of a tile: up to here the weights are the bottleneck."""
BLOCK = 128
"""Rows and columns of a weight block with one scale, as in the official checkpoint."""
TOLERANCE = 0.01
"""Relative error that rounding to bf16 may make, with room to spare: it makes less than 0.004."""


@triton.jit
def _one_token(
    x_ptr, weight_ptr, scale_ptr, y_ptr, K: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr
):  # fmt: skip
    """One row of `x`: each program sums up BLOCK_N rows of the weights."""
    rows = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    scale_row = scale_ptr + (tl.program_id(0) * BLOCK_N // 128) * (K // 128)
    total = tl.zeros((BLOCK_N,), dtype=tl.float32)
    for start in range(0, K, BLOCK_K):
        columns = start + tl.arange(0, BLOCK_K)
        weight = tl.load(weight_ptr + rows[:, None] * K + columns[None, :]).to(tl.float32)
        x = tl.load(x_ptr + columns).to(tl.float32)
        total += tl.sum(weight * x[None, :], axis=1) * tl.load(scale_row + start // 128)
    tl.store(y_ptr + rows, total.to(y_ptr.dtype.element_ty))


@triton.jit
def _several_tokens(
    x_ptr, weight_ptr, scale_ptr, y_ptr, tokens,
    N: tl.constexpr, K: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """Up to BLOCK_M rows of `x`: each program multiplies them with BLOCK_N rows of the weights."""
    rows = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    token = tl.arange(0, BLOCK_M)
    there = token[:, None] < tokens
    scale_row = scale_ptr + (tl.program_id(0) * BLOCK_N // 128) * (K // 128)
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, K, BLOCK_K):
        columns = start + tl.arange(0, BLOCK_K)
        weight = tl.load(weight_ptr + rows[:, None] * K + columns[None, :]).to(x_ptr.dtype.element_ty)
        x = tl.load(x_ptr + token[:, None] * K + columns[None, :], mask=there, other=0.0)
        total += tl.dot(x, tl.trans(weight)) * tl.load(scale_row + start // 128)
    tl.store(y_ptr + token[:, None] * N + rows[None, :], total.to(y_ptr.dtype.element_ty), mask=there)


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
    """Whether this is faster than vLLM's FP8 kernels for so many tokens.

    Measured on an H100 for the four shapes of Qwen3-4B (`benchmarks/gpu/kernels.py`): one layer takes 0.83 of
    vLLM's time for one token, 1.08 for two, 0.81 for four and for eight.
    """
    return tokens == 1 or 4 <= tokens <= MOST_TOKENS


def multiply(
    x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor, config: tuple[int, int, int] | None = None
) -> torch.Tensor:
    """Return x times the transposed weights.

    Args:
        x: [tokens, K] in bf16 or fp16; 1 to MOST_TOKENS tokens.
        weight: [N, K] in E4M3.
        scale: [N / 128, K / 128] in float32.
        config: Rows of a program, its warps and its pipeline's stages; none: what `configuration` says.
    """
    tokens, k = x.shape
    n = weight.shape[0]
    x = x.contiguous()
    y = torch.empty((tokens, n), dtype=x.dtype, device=x.device)
    block_n, warps, stages = config or configuration(tokens, n)
    grid = (n // block_n,)
    if tokens == 1:
        _one_token[grid](x, weight, scale, y, k, block_n, BLOCK, num_warps=warps, num_stages=stages)
    else:
        _several_tokens[grid](
            x, weight, scale, y, tokens, n, k, MOST_TOKENS, block_n, BLOCK, num_warps=warps, num_stages=stages
        )
    return y


def configuration(tokens: int, n: int) -> tuple[int, int, int]:
    """Return rows of a program, warps and stages: what was fastest on an H100."""
    many_rows = n > 8_192
    if tokens == 1:
        return (32, 8, 3) if many_rows else (8, 8, 5)
    return (32, 4, 3 if many_rows else 5)


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
