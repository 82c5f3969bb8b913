"""The engine that needs no model: every task's result is computed by rule from the passages.

engine          ExtractiveEngine, and the function that computes each task

The tasks:

decisions       Route, Plan, NextStep, StandaloneQuestion
answering       Excerpts, RewriteAnswer
notes           WindowNotes
reducing        Reduce, Overview, and which points a summary is made of

What they stand on:

ranking         which sentences of a text answer a question, and how likely any does
weights         the numbers of the ranking, and the script that fits them
statements      evidence cut into sentences, list items and table rows that can be quoted
salience        which sentences stand for the others
"""
