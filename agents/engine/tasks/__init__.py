"""The tasks that agents set: inputs, result, and the instruction that a model is given.

A task is a value. `agents.engine.prompt_layout` lays it out as a prompt with the document first and
what differs from call to call last; the extractive engine computes its result from the passages alone.

base        what every task holds
decisions   Route, Plan, StandaloneQuestion, NextStep
answering   Draft, Verdict, Revise, RewriteAnswer
reading     WindowNotes, Reduce, UpdateSummary
"""
