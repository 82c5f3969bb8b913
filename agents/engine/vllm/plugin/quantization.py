# pyright: basic, reportMissingImports=false
# Lives in vLLM's environment: torch and vLLM are not in Readroom's own.
"""FP8 weights: beside an E5M2 KV cache, and multiplied by Readroom's kernels where there are few tokens.

vLLM refuses the pair ("fp8_e5m2 kv-cache is not supported with fp8 checkpoints") because such a checkpoint may
bring scales for its KV cache, and E5M2 has none. A checkpoint without KV scales, as Qwen's are, loses nothing
without them. So the format is registered under a second name that, for E5M2, has no method for the KV cache:
there is nothing to load and nothing to refuse.

For linear layers vLLM quantizes the activations and multiplies in FP8, which pays for thousands of tokens. For a
handful, the time is that of reading the weights once, and of the kernels around it: reading them as they are and
multiplying in 16 bits needs one kernel instead of two, and rounds the activations less.

The embeddings of the official checkpoint have 16 bits, and are the output layer too: a sixth of what decoding a token
reads. They are brought into the format of the other weights.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import torch
from vllm.logger import init_logger
from vllm.model_executor.layers.attention import Attention
from vllm.model_executor.layers.quantization import register_quantization_config
from vllm.model_executor.layers.quantization.fp8 import Fp8Config, Fp8LinearMethod
from vllm.model_executor.layers.vocab_parallel_embedding import UnquantizedEmbeddingMethod, VocabParallelEmbedding
from vllm.platforms import current_platform

from . import BLOCK, QUANTIZATION, QUANTIZATION_WITH_KERNELS, TOLERANCE

_logger = init_logger("vllm.readroom.quantization")
_LIBRARIES: list[Any] = []
"""torch forgets an operator when its library object is gone."""
_METHODS: dict[tuple[int, ...], "FewTokensLinearMethod"] = {}
"""How weights of a shape are multiplied by many tokens. By shape, and not by layer: a layer's own number in the
compiled graph would make every layer's graph a different one."""


def register() -> None:
    """Register FP8 weights beside an E5M2 KV cache; a second time in one process changes nothing."""
    register_quantization_config(QUANTIZATION)(Fp8BesideE5m2)


def register_online() -> None:
    """Have a checkpoint of 16 bits quantized while it is loaded under our name too; a second call changes nothing.

    From 0.32 on vLLM does so only for names that stand in its list: it would take the weights for FP8 ones.

    Raises:
        ImportError: This vLLM has no such list.
        KeyError: Its list has other names.
    """
    from vllm.config.quantization import _ONLINE_SHORTHANDS

    _ONLINE_SHORTHANDS[QUANTIZATION] = _ONLINE_SHORTHANDS["fp8_per_tensor"]


def register_kernels() -> None:
    """Register the format with kernels and its operator; a second time in one process changes nothing."""
    if not _LIBRARIES:
        library = torch.library.Library("readroom", "FRAGMENT")
        library.define("fp8_linear(Tensor x, Tensor weight, Tensor scale) -> Tensor")
        library.impl("fp8_linear", _fp8_linear, "CUDA")
        torch.library.register_fake(
            "readroom::fp8_linear", lambda x, weight, scale: x.new_empty((x.shape[0], weight.shape[0])), lib=library
        )
        _LIBRARIES.append(library)
    register_quantization_config(QUANTIZATION_WITH_KERNELS)(Fp8WithKernels)


class Fp8BesideE5m2(Fp8Config):
    """FP8 weights; an E5M2 KV cache is left alone."""

    @classmethod
    def get_name(cls) -> str:
        """Return what `--quantization` is told."""
        return QUANTIZATION

    @classmethod
    def override_quantization_method(cls, _in_checkpoint: object, asked: str | None, hf_config: object = None) -> Any:
        """Take over the official format where it is asked for by our name."""
        return cls.get_name() if asked == cls.get_name() else None

    def get_quant_method(self, layer: torch.nn.Module, prefix: str) -> Any:
        """Return how a layer is computed."""
        if isinstance(layer, Attention) and layer.kv_cache_dtype == "fp8_e5m2":
            return None
        return super().get_quant_method(layer, prefix)


class Fp8WithKernels(Fp8BesideE5m2):
    """The same with Readroom's kernels; a name of its own, because vLLM caches compiled graphs by it."""

    @classmethod
    def get_name(cls) -> str:
        """Return what `--quantization` is told."""
        return QUANTIZATION_WITH_KERNELS

    def get_quant_method(self, layer: torch.nn.Module, prefix: str) -> Any:
        """Return how a layer is computed."""
        if isinstance(layer, VocabParallelEmbedding) and self.weight_block_size and has_fp8(layer):
            return Fp8EmbeddingMethod(self)
        method = super().get_quant_method(layer, prefix)
        if type(method) is Fp8LinearMethod and method.block_quant:
            return FewTokensLinearMethod(self)
        return method


class FewTokensLinearMethod(Fp8LinearMethod):
    """Multiplies few tokens in 16 bits by Readroom's kernels, and more as vLLM does."""

    products: tuple[tuple[int, Callable[..., torch.Tensor]], ...] = ()
    """Kernels that passed their check for weights of one shape: the most tokens each takes, and its function."""

    def create_weights(self, layer: torch.nn.Module, *sizes: Any, **attributes: Any) -> None:
        """Make room for the weights as they lie in the checkpoint."""
        super().create_weights(layer, *sizes, **attributes)
        if self.use_marlin and current_platform.has_device_capability(89):
            self.keep_layout()

    def keep_layout(self) -> None:
        """Have many tokens multiplied by vLLM's kernel in Triton, in place of Marlin's.

        Marlin lays the weights out anew, and neither our kernels nor embeddings can be read from that. From 0.32 on
        vLLM prefers it on Ada too, which multiplies in FP8 and does not need it.
        """
        triton: Any = import_module("vllm.model_executor.kernels.linear").TritonFp8BlockScaledMMKernel
        self.fp8_linear, self.use_marlin = triton(self.fp8_linear.config), False

    def process_weights_after_loading(self, layer: torch.nn.Module) -> None:
        """Take the layer over if the kernels support its weights; check the kernels once for each shape."""
        super().process_weights_after_loading(layer)
        shape = tuple(layer.weight.shape)
        layer.few_tokens = layer.weight.is_cuda and supports(layer.weight, layer.weight_scale_inv)
        if layer.few_tokens and shape not in _METHODS:
            self.products = tuple(self._checked_products(layer))
            _METHODS[shape] = self

    def _checked_products(self, layer: torch.nn.Module) -> Iterator[tuple[int, Callable[..., torch.Tensor]]]:
        for name, tokens in (("one_token", 1), ("several_tokens", 5)):
            try:
                kernel = import_module(f".{name}", __package__)
                check(kernel.multiply, tokens, layer.weight, layer.weight_scale_inv, self.input_dtype)
            except Exception as error:
                # Whatever an untested Triton or GPU comes up with: vLLM's own kernels are there.
                _logger.warning("%s is not used for weights of %s: %r", name, tuple(layer.weight.shape), error)
            else:
                yield kernel.MAX_TOKENS, kernel.multiply

    def apply(self, layer: torch.nn.Module, x: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        """Return the layer's output."""
        if not getattr(layer, "few_tokens", False):
            return super().apply(layer, x, bias)
        rows = x.reshape(-1, x.shape[-1])
        y = torch.ops.readroom.fp8_linear(rows, layer.weight, layer.weight_scale_inv)
        return (y if bias is None else y + bias).view(*x.shape[:-1], y.shape[-1])


class Fp8EmbeddingMethod(FewTokensLinearMethod):
    """Brings embeddings of 16 bits into the format of the other weights, and multiplies them likewise."""

    def create_weights(self, layer: torch.nn.Module, *sizes: Any, **attributes: Any) -> None:
        """Make room for what the checkpoint holds: 16 bits, and no scales."""
        super().create_weights(layer, *sizes, **attributes)
        del layer.weight_scale_inv
        UnquantizedEmbeddingMethod().create_weights(layer, *sizes, **attributes)

    def process_weights_after_loading(self, layer: torch.nn.Module) -> None:
        """Quantize, and take the layer over.

        Raises:
            RuntimeError: This vLLM lays out weights in another way, in which no row can be looked up.
        """
        weight, scale = quantize(layer.weight)
        layer.weight = torch.nn.Parameter(weight, requires_grad=False)
        layer.weight_scale_inv = torch.nn.Parameter(scale, requires_grad=False)
        super().process_weights_after_loading(layer)
        if not layer.few_tokens:
            raise RuntimeError("the embeddings cannot be kept in FP8")

    def tie_weights(self, layer: torch.nn.Module, embed_tokens: torch.nn.Module) -> torch.nn.Module:
        """Return the embeddings as the output layer: two layers that share 16 bits would each quantize a copy."""
        return embed_tokens

    def embedding(self, layer: torch.nn.Module, input_: torch.Tensor) -> torch.Tensor:
        """Return the embeddings of tokens."""
        return look_up(input_, layer.weight, layer.weight_scale_inv, self.input_dtype)


def has_fp8(layer: torch.nn.Module) -> bool:
    """Whether this GPU multiplies in FP8, and embeddings of this size can be cut into blocks."""
    rows = layer.num_embeddings_padded // layer.tp_size
    return current_platform.has_device_capability(89) and not (rows % BLOCK or layer.embedding_dim % BLOCK)


def quantize(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weights of 16 bits in the official format: E4M3, and a scale for each block, by its largest number.

    A hundred blocks of rows at a time: what is worked with stays small beside the weights.

    Args:
        weight: [rows, columns], multiples of BLOCK.
    """
    rows, columns = (size // BLOCK for size in weight.shape)
    quantized = torch.empty_like(weight, dtype=torch.float8_e4m3fn)
    scale = torch.empty((rows, columns), dtype=torch.float32, device=weight.device)
    largest = torch.finfo(quantized.dtype).max
    for first in range(0, rows, 100):
        part = slice(first * BLOCK, (first + 100) * BLOCK)
        blocks = weight[part].float().unflatten(0, (-1, BLOCK)).unflatten(2, (-1, BLOCK))
        own = blocks.abs().amax(dim=(1, 3), keepdim=True).clamp(min=1e-12) / largest
        quantized[part] = (blocks / own).flatten(2).flatten(0, 1).to(quantized.dtype)
        scale[first : first + 100] = own[:, 0, :, 0]
    return quantized, scale


def look_up(ids: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return rows of weights in the official format, dequantized.

    Args:
        ids: Which rows, of any shape.
        weight: [rows, columns] in E4M3.
        scale: [rows / BLOCK, columns / BLOCK] in float32.
        dtype: Of the result.
    """
    # As bytes: not every version of torch selects rows of E4M3.
    rows = weight.view(torch.uint8)[ids].view(weight.dtype).to(torch.float32)
    return (rows.unflatten(-1, (-1, BLOCK)) * scale[ids // BLOCK].unsqueeze(-1)).flatten(-2).to(dtype)


def _fp8_linear(x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    method = _METHODS[tuple(weight.shape)]
    for max_tokens, multiply in method.products:
        if 0 < x.shape[0] <= max_tokens:
            return multiply(x, weight, scale)
    layer: Any = SimpleNamespace(weight=weight, weight_scale_inv=scale, input_scale=None)
    return Fp8LinearMethod.apply(method, layer, x, None)


def supports(weight: torch.Tensor, scale: torch.Tensor) -> bool:
    """Whether weights are laid out as in the official checkpoint: E4M3, [rows, columns], a scale for 128 x 128."""
    return (
        weight.dtype == torch.float8_e4m3fn
        and weight.dim() == 2
        and weight.is_contiguous()
        and all(size % BLOCK == 0 for size in weight.shape)
        and scale.dtype == torch.float32
        and scale.is_contiguous()
        and tuple(scale.shape) == tuple(size // BLOCK for size in weight.shape)
    )


def check(
    multiply: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor],
    tokens: int,
    weight: torch.Tensor,
    scale: torch.Tensor,
    dtype: torch.dtype,
) -> None:
    """Compare a kernel with `reference` on the first and the last rows of these weights.

    Args:
        multiply: The kernel.
        tokens: How many to multiply.
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


def reference(x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return x times the transposed weights, dequantized to float32."""
    dequantized = scale.repeat_interleave(BLOCK, 0).repeat_interleave(BLOCK, 1) * weight.float()
    return x.float() @ dequantized.T
