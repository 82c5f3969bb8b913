"""Readroom's GPU kernels on a machine without a GPU: what Triton can interpret or compile there."""

from pathlib import Path

import pytest

from agents.engine.vllm.startup_log import kv_cache_rejected
from tests.agents.engine.vllm.plugin.in_vllm import checked

pytestmark = pytest.mark.vllm


def test_tokens_are_multiplied_attended_to_and_looked_up_as_torch_does(vllm_command: str, tmp_path: Path) -> None:
    found = checked(vllm_command, "interpreted", tmp_path)

    assert len(found["products"]) == 9
    assert max(found["products"].values()) < 0.001, found["products"]
    assert len(found["stretches"]) == 4
    assert max(found["stretches"].values()) < 0.002, found["stretches"]
    assert len(found["splits"]) == 6
    assert max(found["splits"].values()) < 0.002, found["splits"]
    # Three bits of mantissa.
    assert found["embeddings"] < 0.03
    # One copy of them in FP8.
    assert found["tied"]
    # It leaves the weights as they are.
    assert found["in_place_of_marlin"] == "TritonFp8BlockScaledMMKernel"


def test_the_kernels_that_decode_compile_for_cards_from_ada_on(vllm_command: str, tmp_path: Path) -> None:
    found = checked(vllm_command, "compiled", tmp_path)

    assert len(found) == 24
    for name, kernel in found.items():
        assert kernel["fits"], name
        assert kernel["reads_of_16_bytes"], name
        assert not kernel["spills"], name
        # Ada has no such instruction.
        assert kernel["waits_for_the_kernel_ahead"] == ("on 89" not in name), name


def test_our_attention_does_what_the_newest_vllm_asks_of_a_backend(vllm_command: str, tmp_path: Path) -> None:
    found = checked(vllm_command, "attended", tmp_path)

    assert found["backend"] == "agents.engine.vllm.plugin.attention"
    # Requests with few new tokens that follow one another, and those with many, one by one.
    assert found["steps"] == {"decoding": [[2], 0], "mixed": [[1, 2], 2], "padded": [[1], 1]}
    assert max(found["errors"].values()) < 0.002, found["errors"]
    # Then vLLM's own attention is tried.
    assert [kv_cache_rejected(why) for why in found["refused"]] == [True] * 4


def test_weights_of_16_bits_are_quantized_under_our_name_too(vllm_command: str, tmp_path: Path) -> None:
    assert checked(vllm_command, "quantized", tmp_path) == {"online": True}
