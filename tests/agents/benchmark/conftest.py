"""The engines of the engine's own tests."""

from tests.agents.engine.conftest import checkpoint, data_dir, fake

__all__ = ["checkpoint", "data_dir", "fake"]
