"""The real vLLM, found as the engine's tests find it."""

from tests.agents.engine.conftest import vllm_command

__all__ = ["vllm_command"]
