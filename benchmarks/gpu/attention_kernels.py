"""Which of torch's attention kernels trains fastest on this GPU."""

import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

TOLERANCE = 0.02
"""Relative difference at which a kernel counts as wrong; bf16 alone makes less than 0.01."""


def choose_attention(heads: int, kv_heads: int) -> dict[str, float]:
    """Time the kernels forward and backward on a GPU and leave only the fastest enabled.

    Returns:
        Milliseconds by name, of those kernels that run and agree with the flash kernel.
    """
    timed: dict[str, float] = {}
    reference: list[torch.Tensor] = []
    for name in ("flash", "cudnn"):
        enable_attention(name)
        with contextlib.suppress(RuntimeError):
            runs = [_run(heads, kv_heads) for _ in range(4)]
            found = runs[-1][1]
            reference = reference or found
            if all(
                (one - other).norm() < TOLERANCE * other.norm() for one, other in zip(found, reference, strict=True)
            ):
                timed[name] = min(milliseconds for milliseconds, _ in runs)
    fastest = min(timed, key=lambda name: timed[name], default="")
    enable_attention(*([fastest] if fastest else ["flash", "cudnn", "efficient", "math"]))
    return timed


def enable_attention(*names: str) -> None:
    """Let torch choose among these kernels alone: flash, cudnn, efficient, math."""
    import torch

    switches: dict[str, Callable[[bool], None]] = {
        "flash": torch.backends.cuda.enable_flash_sdp,
        "cudnn": torch.backends.cuda.enable_cudnn_sdp,
        "efficient": torch.backends.cuda.enable_mem_efficient_sdp,
        "math": torch.backends.cuda.enable_math_sdp,
    }
    for name, switch in switches.items():
        switch(name in names)


def _run(heads: int, kv_heads: int) -> "tuple[float, list[torch.Tensor]]":
    """Run one causal attention over 8K tokens; return its milliseconds, its output and its gradients."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    source = torch.Generator("cuda").manual_seed(4)
    query, key, value = (
        torch.randn(4, count, 8_192, 128, device="cuda", dtype=torch.bfloat16, generator=source).requires_grad_()
        for count in (heads, kv_heads, kv_heads)
    )
    torch.cuda.synchronize()
    began = time.monotonic()
    output = scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
    gradients = torch.autograd.grad(output, [query, key, value], torch.ones_like(output))
    torch.cuda.synchronize()
    return round(1_000 * (time.monotonic() - began), 2), [output.detach().float(), *(g.float() for g in gradients)]
