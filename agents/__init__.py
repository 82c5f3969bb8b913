"""The agents and everything they stand on.

assistant   the one front door: ask() and analyze(); calls: one caller's limits; follow_up: what it is about;
            warmth: what the engine has lately read
benchmark   measures what Readroom does on this machine
supervisor  the graph: router, planner, retrieval, synthesis, validation
documents   path → pages → passages → index, and locating a quote
engine      engine.run(task): vLLM, any OpenAI-compatible server, or extractive
memory      a session's history
runs        work in flight, found again by its key; results: finished windows on disk
settings    READROOM_*; telemetry: spans; tokens: counting without a tokenizer; sentences: cutting by rule
errors      what a user can act on; schema: the models that cross borders
"""
