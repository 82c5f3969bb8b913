# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
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

_TILE_TOKENS = 128
"""The most queries of one tile of FlashInfer's prefill."""
_LOG = init_logger("vllm.readroom.e5m2_attention")


class StretchedPrefill(BatchPrefillWithPagedKVCacheWrapper):
    """What vLLM plans once for a batch of new tokens and runs in every layer."""

    attention: StretchedAttention

    def plan(self, **asked: Any) -> None:
        """Cut the batch into stretches; hand what is not plain causal attention in 16 bits to FlashInfer."""
        self._requests = None
        plain = asked["causal"] and asked["window_left"] < 0 and not asked["logits_soft_cap"]
        wide = asked["q_data_type"].itemsize == 2 and asked["kv_data_type"] == torch.float8_e5m2
        several = int(asked["qo_indptr"].diff().max()) >= LEAST_NEW_TOKENS
        if not (plain and wide and several):
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
        if torch.cuda.is_current_stream_capturing():
            return super().build(common_prefix_len, common_attn_metadata, *positional, **more)
        if self._lengths_are_known(common_attn_metadata):
            lengths = common_attn_metadata.seq_lens_cpu_upper_bound
            common_attn_metadata._seq_lens_cpu = lengths  # noqa: SLF001  vLLM keeps there what it has fetched
        copied = self._copied = self._copied or torch.cuda.Event()
        # Without vLLM's wait, a plan would be written over one that the GPU has yet to copy.
        copied.synchronize()
        plan = super().build(common_prefix_len, common_attn_metadata, *positional, **more)
        copied.record()
        return plan

    def _lengths_are_known(self, batch: Any) -> bool:
        """Whether vLLM would fetch what the scheduler's upper bounds say just as well."""
        fetched = not hasattr(batch, "_seq_lens_cpu") or batch._seq_lens_cpu is not None  # noqa: SLF001
        # Drafts may be turned down, and only the GPU knows how many were; and a rank of several keeps only its share.
        exact = self.vllm_config.speculative_config is None and not self.use_dcp
        return not fetched and exact and batch.seq_lens_cpu_upper_bound is not None

    def _get_prefill_wrapper(self, causal: bool = True, **more: Any) -> Any:
        wrapper = super()._get_prefill_wrapper(causal, **more)
        replaced = causal and type(wrapper) is BatchPrefillWithPagedKVCacheWrapper
        if not replaced or not self._stretches():
            return wrapper
        self._prefill_wrapper = StretchedPrefill(self._get_workspace_buffer(), wrapper._kv_layout)  # noqa: SLF001
        flash = partial(flash_attn_varlen_func, fa_version=get_flash_attn_version())
        self._prefill_wrapper.attention = StretchedAttention(flash, merge_attn_states)
        compile_for(self.device, self.num_kv_heads, self.head_dim, self.page_size, self.model_config.dtype)
        _LOG.info("Readroom attends to new tokens in stretches")
        return self._prefill_wrapper

    def _stretches(self) -> bool:
        """Whether the KV cache is one that can be widened in stretches."""
        return (
            self.cache_dtype == "fp8_e5m2"
            and not (self.use_dcp or self.has_sinks)
            and self.num_kv_heads.bit_count() == self.head_dim.bit_count() == 1
        )

    def _get_workspace_buffer(self) -> torch.Tensor:
        # vLLM sizes it for FlashInfer's prefill of a whole batch, which is not run here.
        if self._workspace_buffer is None and self._stretches():
            size = max(envs.VLLM_FLASHINFER_WORKSPACE_BUFFER_SIZE, self._split_bytes())
            self._workspace_buffer = torch.zeros(size, dtype=torch.uint8, device=self.device)
        return super()._get_workspace_buffer()

    def _split_bytes(self) -> int:
        """Return what FlashInfer needs at most to put a prefill together that it has split over the GPU.

        From its scheduler.cuh: two programs for each multiprocessor, shared by the KV heads, each with a tile of
        results and their log-sum-exps in float32 for every head; and one tile to spare.
        """
        programs = 2 * torch.cuda.get_device_properties(self.device).multi_processor_count
        tiles = programs // self.num_kv_heads + 1
        return self.num_qo_heads * tiles * _TILE_TOKENS * (self.head_dim + 1) * 4


class E5m2Backend(upstream.FlashInferBackend):
    """vLLM's FlashInfer backend with the builder above."""

    @staticmethod
    def get_builder_cls() -> type[upstream.FlashInferMetadataBuilder]:
        """Return who plans the batches."""
        return E5m2MetadataBuilder
