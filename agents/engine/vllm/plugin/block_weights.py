# pyright: basic, reportMissingImports=false
# Lives in vLLM's environment: torch is not in Readroom's own.
"""FP8 weights in blocks, as the official checkpoint has them, and what a kernel for them is compared with."""

from collections.abc import Callable

import torch

BLOCK = 128
"""Rows and columns of a block with one scale."""
TOLERANCE = 0.01
"""Relative error that rounding to bf16 may make, with room to spare: it makes less than 0.004."""


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


def reference(x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return x times the transposed weights in float32, from whole weights."""
    whole = scale.repeat_interleave(BLOCK, 0).repeat_interleave(BLOCK, 1) * weight.float()
    return x.float() @ whole.T


def check(
    multiply: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor],
    tokens: int,
    weight: torch.Tensor,
    scale: torch.Tensor,
    dtype: torch.dtype,
) -> None:
    """Compare a kernel with the reference on the first and the last rows of these weights.

    Args:
        multiply: The kernel.
        tokens: How many it is to multiply.
        weight: [N, K] in E4M3.
        scale: [N / 128, K / 128] in float32.
        dtype: Of the tokens.

    Raises:
        RuntimeError: The kernel is wrong on this GPU.
    """
    x = torch.randn(tokens, weight.shape[1], device=weight.device, dtype=dtype)
    y = multiply(x, weight, scale).float()
    for rows, blocks in ((slice(None, BLOCK), slice(None, 1)), (slice(-BLOCK, None), slice(-1, None))):
        expected = reference(x, weight[rows], scale[blocks])
        error = float((y[:, rows] - expected).norm() / expected.norm().clamp(min=1e-30))
        if not error < TOLERANCE:
            raise RuntimeError(f"relative error {error:.3g} for {tokens} tokens")
