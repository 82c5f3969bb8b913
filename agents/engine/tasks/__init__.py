"""The tasks that agents set: inputs, result, and the instruction that a model is given.

A task is a value. `agents.engine.prompt_layout` renders it as a prompt with the document first and
what differs from call to call last; the extractive engine computes its result from the passages alone.

decisions   Route, Plan, NextStep, StandaloneQuestion
answering   Answerable, Draft, Excerpts, RewriteAnswer
reading     WindowNotes, Overview, Reduce, UpdateSummary
"""
