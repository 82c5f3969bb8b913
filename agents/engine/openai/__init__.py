"""Any OpenAI-compatible server as the engine."""
