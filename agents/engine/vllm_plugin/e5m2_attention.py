# pyright: basic, reportMissingImports=false
# Lives in vLLM's environment: torch, vLLM and FlashInfer are not in Readroom's own.
"""FlashInfer as vLLM's attention backend, with new tokens attended to in stretches where the KV cache is E5M2.

Decoding stays FlashInfer's; so does every case that `StretchedPrefill` does not know. But vLLM's FlashInfer backend
asks the GPU how long the requests are, in every step, and so waits until it is idle: the lengths are known without.
"""

from functools import partial
from typing import Any

import torch
from flashinfer import BatchPrefillWithPagedKVCacheWrapper
from vllm import envs
from vllm.logger import init_logger
from vllm.v1.attention.backends import flashinfer as upstream
from vllm.v1.attention.backends.fa_utils import flash_attn_varlen_func, get_flash_attn_version
from vllm.v1.attention.ops.merge_attn_states import merge_attn_states

from .stretches import LEAST_NEW_TOKENS, StretchedAttention, compile_for, lay_out

_WORKSPACE_BYTES = 16
"""What vLLM takes FlashInfer's prefill to need for each element of the queries."""
_LOG = init_logger("vllm.readroom.e5m2_attention")


class StretchedPrefill(BatchPrefillWithPagedKVCacheWrapper):
    """What vLLM plans once for a batch of new tokens and runs in every layer."""

    attention: StretchedAttention

    def plan(self, **asked: Any) -> None:
        """Cut the batch into stretches; hand what is not plain causal attention in 16 bits to FlashInfer."""
        self._requests = None
        plain = asked["causal"] and asked["window_left"] < 0 and not asked["logits_soft_cap"]
        wide = asked["q_data_type"].itemsize == 2 and asked["kv_data_type"] == torch.float8_e5m2
        if not (plain and wide) or self._better_as_it_is(asked):
            super().plan(**asked)
            return
        # vLLM asserts these before it runs a plan.
        self._causal, self._window_left, self._logits_soft_cap = True, asked["window_left"], 0.0
        self._sm_scale = asked["sm_scale"]
        self._requests = lay_out(
            asked["qo_indptr"].tolist(),
            asked["paged_kv_indptr"].tolist(),
            asked["paged_kv_last_page_len"].tolist(),
            asked["paged_kv_indices"],
            asked["page_size"],
        )

    def _better_as_it_is(self, asked: dict[str, Any]) -> bool:
        """Whether every request brings few new tokens, and all of them find room in FlashInfer's work space."""
        elements = int(asked["qo_indptr"][-1]) * asked["num_qo_heads"] * asked["head_dim_qk"]
        if elements * _WORKSPACE_BYTES > self._float_workspace_buffer.numel():
            return False
        return int(asked["qo_indptr"].diff().max()) < LEAST_NEW_TOKENS

    def run(self, q: torch.Tensor, paged_kv_cache: Any, *positional: Any, **asked: Any) -> Any:
        """Attend to the stretches, or as FlashInfer does."""
        if self._requests is None:
            return super().run(q, paged_kv_cache, *positional, **asked)
        keys, values = paged_kv_cache
        if self._kv_layout == "HND":
            keys, values = keys.transpose(1, 2), values.transpose(1, 2)
        return self.attention.run(q, keys, values, self._requests, self._sm_scale, asked["out"])


class E5m2MetadataBuilder(upstream.FlashInferMetadataBuilder):
    """Plans new tokens in stretches, and a step while the GPU still computes the last one."""

    _copied: torch.cuda.Event | None = None
    """When the last plan has left the host's buffers."""

    def build(self, common_prefix_len: int, common_attn_metadata: Any, *positional: Any, **more: Any) -> Any:
        """Return the plan of a step; the requests' lengths are taken from the scheduler where it knows them."""
        lengths = self._known_lengths(common_attn_metadata)
        if lengths is None:
            return super().build(common_prefix_len, common_attn_metadata, *positional, **more)
        common_attn_metadata._seq_lens_cpu = lengths  # noqa: SLF001  vLLM keeps there what it has fetched
        copied = self._copied = self._copied or torch.cuda.Event()
        # Without vLLM's wait, a plan would be written over one that the GPU has yet to copy.
        copied.synchronize()
        plan = super().build(common_prefix_len, common_attn_metadata, *positional, **more)
        copied.record()
        return plan

    def _known_lengths(self, batch: Any) -> torch.Tensor | None:
        """Return the lengths on the host, [requests]; none where vLLM has them or they are upper bounds only."""
        if getattr(batch, "_seq_lens_cpu", self) is not None or torch.cuda.is_current_stream_capturing():
            return None
        # Drafts may be turned down, and only the GPU knows how many were.
        if self.vllm_config.speculative_config is not None:
            return None
        return getattr(batch, "seq_lens_cpu_upper_bound", None)

    def _get_prefill_wrapper(self, causal: bool = True, **more: Any) -> Any:
        wrapper = super()._get_prefill_wrapper(causal, **more)
        replaced = causal and type(wrapper) is BatchPrefillWithPagedKVCacheWrapper
        if not replaced or self.cache_dtype != "fp8_e5m2":
            return wrapper
        self._prefill_wrapper = StretchedPrefill(self._get_workspace_buffer(), wrapper._kv_layout)  # noqa: SLF001
        flash = partial(flash_attn_varlen_func, fa_version=get_flash_attn_version())
        self._prefill_wrapper.attention = StretchedAttention(flash, merge_attn_states)
        compile_for(self.device, self.num_kv_heads, self.head_dim, self.page_size, self.model_config.dtype)
        _LOG.info("Readroom attends to new tokens in stretches")
        return self._prefill_wrapper

    def _get_workspace_buffer(self) -> torch.Tensor:
        # vLLM sizes it for FlashInfer's prefill of a whole batch, which is not run here.
        if self.cache_dtype == "fp8_e5m2" and self._workspace_buffer is None:
            size = envs.VLLM_FLASHINFER_WORKSPACE_BUFFER_SIZE
            self._workspace_buffer = torch.zeros(size, dtype=torch.uint8, device=self.device)
        return super()._get_workspace_buffer()


class E5m2Backend(upstream.FlashInferBackend):
    """vLLM's FlashInfer backend with the builder above."""

    @staticmethod
    def get_builder_cls() -> type[upstream.FlashInferMetadataBuilder]:
        """Return who plans the batches."""
        return E5m2MetadataBuilder
