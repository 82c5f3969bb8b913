"""The resident vLLM: planned, started, watched, shared and ended."""
