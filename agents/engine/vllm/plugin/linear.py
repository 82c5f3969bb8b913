# pyright: basic, reportMissingImports=false
# Lives in vLLM's environment: torch and vLLM are not in Readroom's own.
"""Linear layers of FP8 block weights: few tokens by Readroom's kernels, and more as vLLM does.

vLLM quantizes the activations and multiplies in FP8, which pays for thousands of tokens. For a handful, the time is
that of reading the weights once, and of the kernels around it: reading them as they are and multiplying in 16 bits
needs one kernel instead of two, and rounds the activations less.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import torch
from vllm.logger import init_logger
from vllm.model_executor.layers.quantization import register_quantization_config
from vllm.model_executor.layers.quantization.fp8 import Fp8LinearMethod

from . import QUANTIZATION_WITH_KERNELS, block_weights
from .quantization import Fp8BesideE5m2

_LOG = init_logger("vllm.readroom.linear")
_KEPT: list[Any] = []
"""torch forgets an operator when its library object is gone."""
_METHODS: dict[tuple[int, ...], "FewTokensLinearMethod"] = {}
"""How weights of a shape are multiplied by many tokens. By shape, and not by layer: a layer's own number in the
compiled graph would make every layer's graph a different one."""


class FewTokensLinearMethod(Fp8LinearMethod):
    """Multiplies few tokens in 16 bits by Readroom's kernels, and more as vLLM does."""

    products: tuple[tuple[int, Callable[..., torch.Tensor]], ...] = ()
    """Kernels that are right for weights of one shape, each behind the most tokens that it takes, fewest first."""

    def process_weights_after_loading(self, layer: torch.nn.Module) -> None:
        """Take the layer over if its weights lie as the kernels need them; check the kernels once for each shape."""
        super().process_weights_after_loading(layer)
        shape = tuple(layer.weight.shape)
        layer.few_tokens = layer.weight.is_cuda and block_weights.fits(layer.weight, layer.weight_scale_inv)
        if layer.few_tokens and shape not in _METHODS:
            self.products = tuple(self._right(layer))
            _METHODS[shape] = self

    def _right(self, layer: torch.nn.Module) -> Iterator[tuple[int, Callable[..., torch.Tensor]]]:
        for name, tried in (("one_token", 1), ("several_tokens", 5)):
            try:
                kernel = import_module(f".{name}", __package__)
                block_weights.check(kernel.multiply, tried, layer.weight, layer.weight_scale_inv, self.input_dtype)
            except Exception as error:
                # Whatever a Triton or a GPU that nobody has tried yet comes up with: vLLM's own kernels are there.
                _LOG.warning("%s is not used for weights of %s: %r", name, tuple(layer.weight.shape), error)
            else:
                yield kernel.MOST_TOKENS, kernel.multiply

    def apply(self, layer: torch.nn.Module, x: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        """Return the layer's output."""
        if not getattr(layer, "few_tokens", False):
            return super().apply(layer, x, bias)
        rows = x.reshape(-1, x.shape[-1])
        y = torch.ops.readroom.fp8_linear(rows, layer.weight, layer.weight_scale_inv)
        return (y if bias is None else y + bias).view(*x.shape[:-1], y.shape[-1])


def _fp8_linear(x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    method = _METHODS[tuple(weight.shape)]
    for most, multiply in method.products:
        if 0 < x.shape[0] <= most:
            return multiply(x, weight, scale)
    layer: Any = SimpleNamespace(weight=weight, weight_scale_inv=scale, input_scale=None)
    return Fp8LinearMethod.apply(method, layer, x, None)


def _fp8_linear_shape(x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return x.new_empty((x.shape[0], weight.shape[0]))


class Fp8WithKernels(Fp8BesideE5m2):
    """The same with Readroom's kernel; a name of its own, because vLLM keeps compiled graphs by it."""

    @classmethod
    def get_name(cls) -> str:
        """Return what `--quantization` is told."""
        return QUANTIZATION_WITH_KERNELS

    def get_quant_method(self, layer: torch.nn.Module, prefix: str) -> Any:
        """Return how a layer is computed."""
        method = super().get_quant_method(layer, prefix)
        if type(method) is Fp8LinearMethod and method.block_quant:
            return FewTokensLinearMethod(self)
        return method


def register() -> None:
    """Register the format and the operator; a second time in one process changes nothing."""
    if not _KEPT:
        library = torch.library.Library("readroom", "FRAGMENT")
        library.define("fp8_linear(Tensor x, Tensor weight, Tensor scale) -> Tensor")
        library.impl("fp8_linear", _fp8_linear, "CUDA")
        torch.library.register_fake("readroom::fp8_linear", _fp8_linear_shape, lib=library)
        _KEPT.append(library)
    register_quantization_config(QUANTIZATION_WITH_KERNELS)(Fp8WithKernels)
