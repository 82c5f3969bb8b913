"""Readroom's GPU kernels on a machine without a GPU: what Triton can interpret or compile there."""

from pathlib import Path

import pytest

from tests.agents.engine.vllm.plugin.in_vllm import checked

pytestmark = pytest.mark.vllm


def test_few_tokens_are_multiplied_and_stretches_attended_to_as_torch_does(vllm_command: str, tmp_path: Path) -> None:
    found = checked(vllm_command, "interpreted", tmp_path)

    assert len(found["products"]) == 9
    assert max(found["products"].values()) < 0.001, found["products"]
    assert len(found["attention"]) == 4
    assert max(found["attention"].values()) < 0.002, found["attention"]


def test_one_tokens_product_compiles_for_cards_from_ada_on(vllm_command: str, tmp_path: Path) -> None:
    found = checked(vllm_command, "compiled", tmp_path)

    assert len(found) == 12
    for name, kernel in found.items():
        assert kernel["reads_of_16_bytes"], name
        assert not kernel["spills"], name
        # Ada has no such instruction.
        assert kernel["waits_for_the_kernel_ahead"] == ("on 89" not in name), name


def test_our_attention_stands_on_the_newest_vllms_own(vllm_command: str, tmp_path: Path) -> None:
    found = checked(vllm_command, "hooked", tmp_path)

    assert found["backend"] == "agents.engine.vllm.plugin.attention"
    assert (found["wrapper"], found["same_again"]) == ("StretchedPrefill", True)
    assert found["workspace_bytes"] == 128 * 1024**2
    assert found["planned_in_stretches"] == [False, False, False, True, True]
    assert found["lengths_taken"] == {
        "not fetched": [7, 9],
        "fetched": [6, 8],
        "with drafts": None,
        "without bounds": None,
        "newer vLLM": "not asked for",
        "waits": 5,
        "marks": 5,
    }
