from pathlib import Path

import pytest

from tests.agents.engine.vllm.plugin.in_vllm import checked


@pytest.mark.vllm
def test_a_models_class_is_looked_at_without_a_process_of_its_own(vllm_command: str, tmp_path: Path) -> None:
    found = checked(vllm_command, "inspected", tmp_path)

    assert found == {"architecture": "Qwen3ForCausalLM", "generates": True, "imported": True}
