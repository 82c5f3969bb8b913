"""Engines compute the results of tasks: `await engine.run(task)`.

engine          the seam: Task, Outcome, Engine, and an engine's entry in the registry
registry        choosing an engine, opening it, and answering while it starts
tasks/          what can be asked of an engine
prompt_layout   a task as chat messages
output_schema   the JSON that an answer must be
model_config    a model's sizes, from its config.json
openai/         any OpenAI-compatible server
vllm/           the resident vLLM
extractive/     no model at all
"""
